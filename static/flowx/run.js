/**
 * One followed process instance: its socket, its handlers, its calls. Made by client.js (`start`, `follow`), not by a page.
 * Keeps the promise that a handler gets each frame once, in `seq` order per instance, over reconnect, gap and reload.
 */
import {backOff, FlowxError, newKey} from "./http.js";

const HELD_FRAMES = 1_000;
const SOCKET_PATH = "/ws/updates/process";
const KINDS = ["data", "progress", "state", "action", "error", "connection"];
const REFUSALS = {
  4401: "The login has ended.",
  4403: "The right to follow this process instance was lost.",
  4404: "Process instance not found.",
};

/** sessionStorage, or nothing where the browser denies it. */
const storage = {
  read(key) {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      sessionStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Full or denied: the page still works, only a reload begins anew.
    }
  },
};

export class Run {
  instance = null; // the start answer, where this client started it
  #flowx;
  #api;
  #options;
  #handlers = Object.fromEntries(KINDS.map((kind) => [kind, new Set()]));
  #held = Object.fromEntries(KINDS.map((kind) => [kind, []])); // what came before the first handler of its kind
  #last; // instance uuid -> newest seq received
  #snapshot; // true until the first catch-up of a run that asked for the present only: seq may jump
  #todo; // RunAction frames whose call is not settled, kept over a reload
  #inFlight = new Set(); // ids of RunAction frames being performed
  #busy = new Map(); // instance uuid -> promise: its RunActions are performed one after the other
  #socket = null;
  #awaitsReady = false;
  #readySentAt = -Infinity;
  #failures = 0;
  #renewed = false;
  #closed = false;
  #timers = {};

  constructor(flowx, uuid, options) {
    this.#flowx = flowx;
    this.#api = flowx.api;
    this.#options = options;
    this.uuid = uuid;
    this.#last = storage.read(this.#storageKey("seq")) ?? (options.fromStart ? {[uuid]: 0} : {});
    this.#snapshot = !(uuid in this.#last);
    if (options.fromStart) storage.write(this.#storageKey("seq"), this.#last); // a reload before the first frame asks for all, too
    this.#todo = storage.read(this.#storageKey("todo")) ?? [];
    globalThis.addEventListener?.("online", this.#online);
    this.#after("open", 0, () => this.#open()); // handlers added in this turn are there before the first frame
  }

  onData(handler) {
    return this.#on("data", handler);
  }
  onProgress(handler) {
    return this.#on("progress", handler);
  }
  onState(handler) {
    return this.#on("state", handler);
  }
  onAction(handler) {
    return this.#on("action", handler);
  }
  onError(handler) {
    return this.#on("error", handler);
  }
  /** Tells `{state: "connecting" | "open" | "waiting" | "closed", retryInMs?, code?}`. */
  onConnection(handler) {
    return this.#on("connection", handler);
  }

  /** Runs a manual action of the token's node. */
  execute(tokenUuid, actionName, data = {}) {
    return this.#api.request("POST", this.#actionPath(tokenUuid, actionName, "execute"), {json: data, key: newKey()});
  }

  /** Runs an upload action with a File or Blob. */
  upload(tokenUuid, actionName, file, data = {}) {
    const form = new FormData();
    form.append("file", file);
    form.append("data", JSON.stringify(data));
    return this.#api.request("POST", this.#actionPath(tokenUuid, actionName, "upload"), {form, key: newKey()});
  }

  /** The values and manual actions of a node's screen. */
  data(nodeId) {
    return this.#api.request("GET", `/api/process/${this.uuid}/data/${nodeId}`);
  }

  status() {
    return this.#api.request("GET", `/api/process/${this.uuid}/status`);
  }

  /** Performs a RunAction frame by hand (with `autoRun: false`). Gives the run of the new instance. */
  perform(frame) {
    return this.#flowx.perform(frame);
  }

  /** Stops following. The place reached is kept, so that `follow` goes on from there. */
  close() {
    this.#stop(1000);
  }

  // ---- connection

  #online = () => {
    if (this.#timers.retry) this.#retryIn(0);
  };

  async #open() {
    if (this.#closed) return;
    this.#emit("connection", {state: "connecting"});
    const url = new URL(this.#api.base + (this.#options.socketPath ?? SOCKET_PATH) + `/${this.uuid}/`);
    url.protocol = url.protocol.replace("http", "ws");
    try {
      if (this.#api.usesTokens) {
        const {ticket} = await this.#api.request("POST", "/api/socket-ticket", {json: {}});
        url.searchParams.set("ticket", ticket);
      }
    } catch (error) {
      if (error.status === 401 || error.status === 403) this.#refused(error);
      else this.#retry();
      return;
    }
    if (this.#closed) return;
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#watch();
    socket.onopen = () => this.#sendReady();
    socket.onmessage = ({data}) => this.#receive(data);
    socket.onclose = ({code}) => {
      this.#drop();
      this.#lost(code);
    };
  }

  /** Forgets the socket; what it still says is not heard. */
  #drop() {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    this.#cancel("silence");
    this.#cancel("ready");
  }

  async #lost(code) {
    if (this.#closed) return;
    if (code === 4401 && this.#api.usesTokens && !this.#renewed) {
      this.#renewed = true;
      await this.#api.renew().catch(() => {}); // the next ticket asks again
      this.#retry();
    } else if (code in REFUSALS) {
      this.#refused(new FlowxError({status: code, message: REFUSALS[code]}));
    } else if (code === 4429) {
      this.#retryIn(this.#flowx.timing.floodMs);
    } else {
      this.#retry();
    }
  }

  #retry() {
    this.#retryIn(backOff(this.#flowx.timing, this.#failures++));
  }

  #retryIn(ms) {
    if (this.#closed) return;
    this.#emit("connection", {state: "waiting", retryInMs: Math.round(ms)});
    this.#after("retry", ms, () => this.#open());
  }

  #refused(error) {
    this.#emit("error", error);
    this.#stop(error.status);
  }

  #stop(code) {
    if (this.#closed) return;
    this.#closed = true;
    this.#drop();
    for (const name of Object.keys(this.#timers)) this.#cancel(name);
    globalThis.removeEventListener?.("online", this.#online);
    this.#options.onClose();
    this.#emit("connection", {state: "closed", code});
  }

  #watch() {
    this.#after("silence", this.#flowx.timing.silenceMs, () => {
      this.#drop();
      this.#retry();
    });
  }

  #after(name, ms, callback) {
    this.#cancel(name);
    this.#timers[name] = setTimeout(() => {
      delete this.#timers[name];
      callback();
    }, ms);
  }

  #cancel(name) {
    clearTimeout(this.#timers[name]);
    delete this.#timers[name];
  }

  // ---- frames

  #sendReady() {
    this.#awaitsReady = true;
    this.#readySentAt = Date.now();
    // Until the present was given whole it is asked for again whole; what came already is dropped as double.
    this.#socket.send(JSON.stringify({type: "ready", lastSeq: this.#snapshot ? {} : this.#last}));
  }

  /** A frame is missing: asks for what came after the last one, unless such a question is on its way. */
  #askAgain() {
    if (this.#awaitsReady || this.#timers.ready || !this.#socket) return;
    const wait = Math.max(0, this.#readySentAt + this.#flowx.timing.readyMs - Date.now());
    this.#after("ready", wait, () => this.#sendReady());
  }

  #receive(text) {
    this.#watch();
    const message = JSON.parse(text);
    if (message.event) this.#frame(message);
    else if (message.type === "ready") this.#caughtUp(message.lastSeq);
    else if (message.type === "ping") this.#compare(message.lastSeq);
    else if (message.type === "error") this.#emit("error", new FlowxError({status: 400, message: message.message}));
  }

  #frame(frame) {
    const last = this.#last[frame.processInstanceUuid] ?? 0;
    if (frame.seq <= last) return;
    if (frame.seq > last + 1 && !this.#snapshot) return this.#askAgain();
    this.#last[frame.processInstanceUuid] = frame.seq;
    if (frame.event === "RunAction") this.#runAction(frame);
    else if (KINDS.includes(frame.type)) this.#emit(frame.type, frame);
    storage.write(this.#storageKey("seq"), this.#last);
  }

  #caughtUp(newest) {
    this.#awaitsReady = false;
    this.#failures = 0;
    this.#renewed = false;
    if (this.#snapshot) {
      for (const [uuid, seq] of Object.entries(newest)) this.#last[uuid] = Math.max(seq, this.#last[uuid] ?? 0);
      this.#snapshot = false;
      storage.write(this.#storageKey("seq"), this.#last);
    }
    this.#emit("connection", {state: "open"});
    this.#compare(newest);
    for (const frame of this.#todo) this.#runAction(frame);
  }

  #compare(newest) {
    if (Object.entries(newest).some(([uuid, seq]) => seq > (this.#last[uuid] ?? 0))) this.#askAgain();
  }

  #runAction(frame) {
    if (!this.#flowx.autoRun) return this.#emit("action", frame);
    if (this.#inFlight.has(frame.id)) return;
    this.#inFlight.add(frame.id);
    if (!this.#todo.some(({id}) => id === frame.id)) this.#setTodo([...this.#todo, frame]);
    const before = this.#busy.get(frame.processInstanceUuid) ?? Promise.resolve();
    this.#busy.set(frame.processInstanceUuid, before.then(() => this.#settle(frame)));
  }

  async #settle(frame) {
    let newRun;
    try {
      newRun = await this.#flowx.perform(frame);
    } catch (error) {
      this.#inFlight.delete(frame.id);
      // No answer: the frame stays and is performed after the next catch-up, under the same key.
      if (!(error.status === 0 || error.status === 429 || error.status >= 502)) this.#forget(frame);
      error.frame = frame;
      return this.#emit("error", error);
    }
    this.#inFlight.delete(frame.id);
    this.#forget(frame);
    this.#emit("action", frame, newRun);
  }

  #forget(frame) {
    this.#setTodo(this.#todo.filter(({id}) => id !== frame.id));
  }

  #setTodo(frames) {
    this.#todo = frames;
    storage.write(this.#storageKey("todo"), frames);
  }

  // ---- handlers

  #on(kind, handler) {
    this.#handlers[kind].add(handler);
    const held = this.#held[kind].splice(0);
    if (held.length) queueMicrotask(() => held.forEach((args) => this.#emit(kind, ...args)));
    return () => this.#handlers[kind].delete(handler);
  }

  #emit(kind, ...args) {
    if (this.#handlers[kind].size === 0) {
      this.#held[kind].push(args);
      if (this.#held[kind].length > (kind === "connection" ? 1 : HELD_FRAMES)) this.#held[kind].shift();
      return;
    }
    for (const handler of [...this.#handlers[kind]]) {
      try {
        handler(...args);
      } catch (error) {
        setTimeout(() => {
          throw error; // the page's own fault: shown in its console, and no other handler misses the frame
        });
      }
    }
  }

  #actionPath(tokenUuid, actionName, verb) {
    return `/api/process/${this.uuid}/token/${tokenUuid}/action/${encodeURIComponent(actionName)}/${verb}`;
  }

  #storageKey(what) {
    return `flowx.${what}:${this.#api.base}:${this.uuid}`;
  }
}
