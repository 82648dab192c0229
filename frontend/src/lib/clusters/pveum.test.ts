import { describe, expect, it } from "vitest";
import { addition, creation, TOKEN_ID, tokenOf } from "./pveum";

const token = { user: "ops@pam", name: "deck" };

describe("a token's id", () => {
  it("is a user and a name", () => {
    expect(tokenOf(TOKEN_ID)).toEqual({ user: "proximity@pve", name: "proximity" });
    expect(tokenOf(" ops@pam!deck ")).toEqual(token);
  });

  it.each(["", "proximity", "proximity@pve", "proximity!x", "a b@pve!x", "a@pve!x!y"])("is not %j", (id) =>
    expect(tokenOf(id)).toBeNull(),
  );
});

describe("making a token", () => {
  it("gives each right to the user and to the token", () => {
    const grants = creation(token, null)
      .split("\n")
      .filter((line) => line.startsWith("pveum acl"));
    expect(grants.map((line) => line.split(" ")[3])).toEqual(["/vms", "/storage", "/nodes", "/sdn/zones", "/"]);
    for (const line of grants) expect(line).toContain("--users ops@pam --tokens 'ops@pam!deck'");
  });

  it("comes before what is given to it", () => {
    const lines = creation(token, null).split("\n");
    const made = lines.findIndex((line) => line.startsWith("pveum user token add"));
    expect(made).toBeLessThan(lines.findIndex((line) => line.startsWith("pveum acl")));
  });

  it("keeps to a pool", () => {
    const commands = creation(token, "home apps");
    expect(commands).toContain("pveum pool add 'home apps'");
    expect(commands).toContain("pveum acl modify '/pool/home apps'");
    expect(commands).toContain("Pool.Audit");
    expect(commands).not.toContain("modify /vms");
  });

  it("reaches nothing below the root", () => {
    expect(creation(token, null)).toContain("acl modify / --propagate 0");
  });
});

describe("adding rights", () => {
  it("puts them into roles, and the roles to their paths, once each", () => {
    const lacking = ["/vms: VM.Audit", "/vms: VM.PowerMgmt", "/storage: Datastore.Audit|Datastore.AllocateSpace"];
    expect(addition(lacking, token).split("\n")).toEqual([
      "pveum role add ProximityGuest 2>/dev/null",
      'pveum role modify ProximityGuest --append 1 --privs "VM.Audit VM.PowerMgmt"',
      "pveum role add ProximityStore 2>/dev/null",
      'pveum role modify ProximityStore --append 1 --privs "Datastore.Audit"',
      "pveum acl modify /vms --users ops@pam --tokens 'ops@pam!deck' --roles ProximityGuest",
      "pveum acl modify /storage --users ops@pam --tokens 'ops@pam!deck' --roles ProximityStore",
    ]);
  });

  it("quotes what a shell would take apart", () => {
    expect(addition(["/nodes/a b; rm: Sys.Audit"], token)).toContain("acl modify '/nodes/a b; rm' ");
  });
});
