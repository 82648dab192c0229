// What runs: one snapshot, then the stream of changes. Rows are kept by id, so that nobody loses the focus to an update.
const tables = { applications: new Map(), operations: new Map(), clusters: new Map() };
const shown = { applications: byName, operations: byTime, clusters: byName };
const RECENT = 20;
const RETRY = 2000;

const live = document.getElementById("live");
const words = (text) => text.replaceAll("_", " ");
let position = 0;
let source = null;
let drawing = false;

function byName(a, b) {
  return a.slug.localeCompare(b.slug) || a.id.localeCompare(b.id);
}

function byTime(a, b) {
  return b.accepted_at.localeCompare(a.accepted_at);
}

async function begin() {
  source?.close();
  try {
    const answer = await fetch("/api/v1/snapshot");
    if (answer.status === 401) return await enter();
    if (!answer.ok) throw new Error((await answer.json()).detail);
    const snapshot = await answer.json();
    for (const [name, rows] of Object.entries(tables)) {
      rows.clear();
      for (const row of snapshot[name]) rows.set(row.id, row);
    }
    position = snapshot.position;
    document.getElementById("overview").hidden = false;
    document.getElementById("sign-out").hidden = false;
    draw();
    follow(snapshot.epoch);
  } catch (error) {
    again(error instanceof TypeError ? "Proximity does not answer." : error.message);
  }
}

// Nobody is signed in: to the sign-in, or, in a new installation, to the setup.
async function enter() {
  const { done } = await (await fetch("/api/v1/setup")).json();
  if (done) return location.replace("/login");
  live.textContent = "";
  document.getElementById("welcome").hidden = false;
}

function follow(epoch) {
  source = new EventSource(`/api/v1/stream?after=${position}&epoch=${encodeURIComponent(epoch)}`);
  source.onopen = () => say("Live", "good");
  source.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.prev !== position) return begin();
    position = frame.position;
    for (const { table, id, row } of frame.changes) {
      if (!(table in tables)) continue;
      if (row) tables[table].set(id, row);
      else tables[table].delete(id);
    }
    draw();
  };
  source.addEventListener("reset", begin);
  source.onerror = () => {
    say("Reconnecting…", "waiting");
    // the browser comes back by itself unless it was refused
    if (source.readyState === EventSource.CLOSED) again("Reconnecting…");
  };
}

function again(text) {
  source?.close();
  say(text, "waiting");
  setTimeout(begin, RETRY);
}

function say(text, mood) {
  if (live.textContent !== text) live.textContent = text;
  live.className = mood;
}

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    for (const [name, rows] of Object.entries(tables)) {
      const sorted = [...rows.values()].sort(shown[name]);
      list(name, name === "operations" ? sorted.slice(0, RECENT) : sorted);
    }
  });
}

function list(name, rows) {
  const parent = document.getElementById(name);
  const known = new Map([...parent.children].map((item) => [item.dataset.id, item]));
  rows.forEach((row, index) => {
    const item = known.get(row.id) ?? document.getElementById("row").content.firstElementChild.cloneNode(true);
    known.delete(row.id);
    item.dataset.id = row.id;
    fill(item, describe[name](row), row.status);
    if (parent.children[index] !== item) parent.insertBefore(item, parent.children[index] ?? null);
  });
  for (const item of known.values()) item.remove();
  parent.nextElementSibling.hidden = rows.length > 0;
}

// Everything that comes from outside is set as text, never as markup.
function fill(item, { name, kind, where, link, trouble }, status) {
  item.dataset.status = status;
  text(item.querySelector(".name"), name);
  text(item.querySelector(".kind"), kind);
  text(item.querySelector(".state"), words(status));
  const place = item.querySelector(".where");
  const anchor = place.querySelector("a");
  if (link && /^https?:\/\//.test(link)) {
    const target = anchor ?? document.createElement("a");
    target.href = link;
    target.rel = "noreferrer";
    text(target, where);
    if (!anchor) place.replaceChildren(target);
  } else {
    anchor?.remove();
    text(place, where);
  }
  const line = item.querySelector(".trouble");
  text(line, trouble ?? "");
  line.hidden = !trouble;
}

function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

const describe = {
  applications: (row) => ({
    name: row.name,
    kind: [row.recipe, row.node, row.vmid && `CT ${row.vmid}`].filter(Boolean).join(" · "),
    where: row.url ?? row.address ?? "",
    link: row.url,
    trouble: row.failure?.message,
  }),
  operations: (row) => ({
    name: `${words(row.kind)} ${row.target_name || row.category}`,
    kind: step(row),
    where: new Date(row.accepted_at).toLocaleString(),
    trouble: [row.cause?.message, row.cause?.proxmox, row.resolve_command && `Run on the node: ${row.resolve_command}`]
      .filter(Boolean)
      .join(" — "),
  }),
  clusters: (row) => ({
    name: row.name,
    kind: row.version ? `Proxmox VE ${row.version}` : "",
    where: row.simulator ? "simulator" : row.endpoints.join(", "),
    trouble: row.failure?.message,
  }),
};

function step({ status, steps }) {
  if (!["running", "parked", "undecided"].includes(status)) return "";
  const now = steps.find((s) => s.status === "running" || s.status === "waiting") ?? steps.find((s) => s.status === "pending");
  return now ? words(now.name) : "";
}

document.getElementById("sign-out").addEventListener("click", async () => {
  await fetch("/api/v1/session", { method: "DELETE", headers: { "X-Proximity-CSRF": "1" } });
  location.replace("/login");
});

begin();
