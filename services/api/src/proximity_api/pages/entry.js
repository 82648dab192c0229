// Setup and sign-in: sends the form as JSON. The setup token comes in the fragment, which no server and no log sees.
const form = document.querySelector("form");
const trouble = form.querySelector(".trouble");
const token = form.elements.setup_token;

if (token && location.hash.length > 1) {
  token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
}
(token && !token.value ? token : form.elements.username).focus();

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  trouble.hidden = true;
  try {
    const answer = await fetch(form.getAttribute("action"), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    });
    if (answer.ok) {
      location.assign("/");
      return;
    }
    const problem = await answer.json();
    show((problem.errors ?? []).map((e) => `${e.field}: ${e.message}`).join(" ") || problem.detail);
  } catch {
    show("Proximity does not answer. Try again in a moment.");
  } finally {
    button.disabled = false;
  }
});

function show(text) {
  trouble.textContent = text;
  trouble.hidden = false;
}
