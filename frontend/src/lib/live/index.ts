export { type Changed, Engine, type Listener, type Newer, type Outside } from "./engine";
export { line } from "./lines";
export type { Connection } from "./messages";
export { type Expectation, hasEnded, Overlay } from "./overlay";
export { type Cursor, type Figures, type Measured, MEASURED, type Rows, type Table, Tables, TABLES } from "./tables";
