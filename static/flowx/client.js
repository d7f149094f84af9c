/**
 * The browser client of the process engine: an ES module without dependencies and without a build step.
 *
 *   const flowx = connect({baseUrl, auth, clientData, autoRun: true});
 *   const run = await flowx.start("lease", {startCondition: "web"});   // or flowx.follow(uuid)
 *   run.onData(frame => ...); run.onProgress(...); run.onState(...); run.onAction((frame, newRun) => ...);
 *   await run.execute(tokenUuid, "submit", {name: "Ada"});
 *
 * What it promises: a handler gets each frame once, in `seq` order per instance, over reconnect, gap and reload. Calls that
 * change something carry an Idempotency-Key, so that a try repeated after a network fault has one effect.
 */
import {Api, FlowxError, newKey, TIMING} from "./http.js";
import {Run} from "./run.js";

export {FlowxError};

/** Makes a client. Options: see client.d.ts. */
export function connect(options = {}) {
  return new Flowx(options);
}

/** What `connect` gives: starts and follows process instances. */
class Flowx {
  #runs = new Map();

  constructor(options) {
    this.timing = {...TIMING, ...options.timing};
    this.api = new Api(options, this.timing);
    this.autoRun = options.autoRun ?? true;
    this.clientData = options.clientData ?? {};
  }

  /** Starts the published version of a process and follows the new instance. */
  async start(processName, values = {}) {
    const path = `/api/process/${encodeURIComponent(processName)}/start`;
    return this.#adopt(await this.api.request("POST", path, {json: values, key: newKey()}));
  }

  /** Follows an instance that exists. Gives the same run while one of this instance is open. */
  follow(uuid) {
    return this.#run(uuid, {fromStart: false});
  }

  /** Does what a RunAction frame asks for: starts the process it names, inheriting from the frame's instance. */
  async perform(frame) {
    const {processName, clientDataKeys = [], params = {}} = frame.action;
    const {startCondition, paramsToCopy, withoutParams} = params;
    const body = {};
    for (const name of clientDataKeys) {
      const value = typeof this.clientData === "function" ? await this.clientData(name) : this.clientData[name];
      if (value !== undefined) body[name] = value;
    }
    if (startCondition) body.startCondition = startCondition;
    body.paramsToInherit = {};
    if (paramsToCopy) body.paramsToInherit.paramsToCopy = paramsToCopy;
    if (withoutParams) body.paramsToInherit.withoutParams = withoutParams;
    const path = `/api/process/${encodeURIComponent(processName)}/start/inheritFrom/${frame.processInstanceUuid}`;
    return this.#adopt(await this.api.request("POST", path, {json: body, key: frame.id}));
  }

  /** Closes every run. */
  close() {
    for (const run of [...this.#runs.values()]) run.close();
  }

  #adopt(instance) {
    const run = this.#run(instance.uuid, {fromStart: true, socketPath: instance.webSocketPath});
    run.instance = instance;
    return run;
  }

  #run(uuid, options) {
    let run = this.#runs.get(uuid);
    if (!run) {
      run = new Run(this, uuid, {...options, onClose: () => this.#runs.delete(uuid)});
      this.#runs.set(uuid, run);
    }
    return run;
  }
}
