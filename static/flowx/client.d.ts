/** Types of the browser client. The frames are those of the engine's websocket; see docs/spec/engine.md, chapter 8.5. */

export type Json = null | boolean | number | string | Json[] | {[name: string]: Json};
export type Values = {[name: string]: Json};

export interface Options {
  /** Where the engine runs, e.g. `https://flowx.example.com`. Default: the page's own origin. */
  baseUrl?: string;
  /**
   * Gives a bearer token; asked anew, with the refused one, when the server refused it. Sockets then use tickets.
   * Absent: the session cookie with the CSRF header (own origin only).
   */
  auth?: (asked: {refused?: string}) => string | Promise<string>;
  /** The values that `clientDataKeys` of an action message name. A value that is undefined is left out. */
  clientData?: Values | ((name: string) => Json | undefined | Promise<Json | undefined>);
  /** Whether action messages are performed by the client. Default true. */
  autoRun?: boolean;
  /** Name of the CSRF cookie. Default `csrftoken`. */
  csrfCookie?: string;
  /** Waits in milliseconds, for tests. */
  timing?: Partial<{
    firstRetryMs: number;
    maxRetryMs: number;
    silenceMs: number;
    floodMs: number;
    readyMs: number;
    longestRetryAfterMs: number;
  }>;
}

export interface Problem {
  code?: string;
  field?: string;
  message: string;
  line?: number;
  column?: number;
  fix?: string;
}

/** A refused call. `status` is the HTTP status, 0 without an answer, or the socket's close code (4401, 4403, 4404). */
export class FlowxError extends Error {
  readonly status: number;
  readonly errorKey: string | null;
  readonly errors: Problem[];
  readonly incidentId: number | string | null;
  readonly params: unknown;
  /** Set where an action message could not be performed. */
  frame?: ActionFrame;
}

interface Common {
  id: string;
  /** Counts the frames of one instance from 1, without gaps. */
  seq: number;
  processInstanceUuid: string;
  timestamp: string;
}

export interface DataFrame extends Common {
  event: "Data";
  type: "data";
  data: Values;
}

export interface ActionFrame extends Common {
  event: "RunAction";
  type: "action";
  action: {
    type: "START_PROCESS_INHERIT";
    processName: string;
    clientDataKeys?: string[];
    params?: {startCondition?: string; paramsToCopy?: string[]; withoutParams?: string[]};
  };
}

export interface ProgressFrame extends Common {
  event: "ProcessMetadata";
  type: "progress";
  progressUpdateDTO: {processInstanceUuid: string; tokenUuid: string; currentNodeId: number};
}

export interface StateFrame extends Common {
  event: "ProcessMetadata";
  type: "state";
  state: {state: string; readOnly: boolean; incident: boolean};
}

export type Frame = DataFrame | ActionFrame | ProgressFrame | StateFrame;

export type Connection =
  | {state: "connecting" | "open"}
  | {state: "waiting"; retryInMs: number}
  | {state: "closed"; code: number};

export interface Instance {
  processDefinitionName: string;
  uuid: string;
  state: string;
  tokens: {id: number; uuid: string; currentNodeId: number; state: string; statusCurrentNode: string}[];
  generalData: Json;
  webSocketPath: string;
  [field: string]: unknown;
}

export interface ActionAnswer {
  tokenUuid: string;
  currentNodeId: number;
  templatesSequence: null;
  backAction: boolean;
  resetToken: boolean;
}

export interface NodeData {
  data: Values;
  actions: {id: number; name: string; [field: string]: unknown}[];
  /** When the node's timer or response timeout is due. */
  waitsUntil: string | null;
}

type Cancel = () => void;

/** One followed process instance. Each `on...` returns a function that takes its handler off again. */
export interface Run {
  readonly uuid: string;
  /** The start answer, where this client started the instance; else null. */
  readonly instance: Instance | null;
  onData(handler: (frame: DataFrame) => void): Cancel;
  onProgress(handler: (frame: ProgressFrame) => void): Cancel;
  onState(handler: (frame: StateFrame) => void): Cancel;
  /** With `autoRun` called once the new instance is there; without it, with the frame alone. */
  onAction(handler: (frame: ActionFrame, newRun?: Run) => void): Cancel;
  onError(handler: (error: FlowxError) => void): Cancel;
  onConnection(handler: (connection: Connection) => void): Cancel;
  execute(tokenUuid: string, actionName: string, data?: Values): Promise<ActionAnswer>;
  upload(tokenUuid: string, actionName: string, file: Blob, data?: Values): Promise<ActionAnswer>;
  data(nodeId: number): Promise<NodeData>;
  status(): Promise<Instance>;
  /** Does what an action message asks for; for `autoRun: false`. */
  perform(frame: ActionFrame): Promise<Run>;
  close(): void;
}

export interface Flowx {
  start(processName: string, values?: Values): Promise<Run>;
  follow(uuid: string): Run;
  perform(frame: ActionFrame): Promise<Run>;
  close(): void;
}

export function connect(options?: Options): Flowx;
