import type { components } from "./schema";

export { body, client, onSignedOut, whoAmI } from "./client";
export { Problem, unreachable } from "./problem";
export { uuid } from "./uuid";

type Schemas = components["schemas"];
export type Accepted = Schemas["Accepted"];
export type Activity = Schemas["Activity"];
export type Application = Schemas["Application"];
export type Cause = Schemas["Cause"];
export type Cluster = Schemas["Cluster"];
export type Finding = Schemas["Finding"];
export type Guest = Schemas["GuestAsFound"];
export type GuestFigures = Schemas["FiguresOfGuest"];
export type DeployRequest = Schemas["DeployRequest"];
export type Me = Schemas["Me"];
export type Metric = Schemas["Metric"];
export type Node = Schemas["NodeAsFound"];
export type NodeFigures = Schemas["FiguresOfNode"];
export type Operation = Schemas["Operation"];
export type Preflight = Schemas["Preflight"];
export type Recipe = Schemas["Recipe"];
export type Setting = Schemas["Setting"];
export type Snapshot = Schemas["Snapshot"];
export type Step = Schemas["Step"];
export type Storage = Schemas["StorageAsFound"];
export type StorageFigures = Schemas["FiguresOfStorage"];
