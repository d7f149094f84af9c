/**
 * The rider's page: a web app on the engine's browser client, without a framework. It starts the process, follows it, runs its
 * actions, shows each frame as it arrives and lets the client obey action messages. A reload goes on where the page was.
 */
import {connect} from "../flowx/client.js";
import {Card} from "./card.js";
import {Log} from "./log.js";
import {asked, keep, recall} from "./memory.js";
import {connectionInWords, errorInWords, hasEnded} from "./words.js";

const process = document.body.dataset.process;
const byId = (id) => document.getElementById(id);
const log = new Log();
const cards = new Map(); // instance uuid -> card
const connections = new Map(); // instance uuid -> what its socket said last
let memory = recall();

const flowx = connect({clientData: {webAppKeys: {app: "rider", language: navigator.language}}});

/** What cards need of the page. */
const page = {
  learn: (names) => log.learn(names),
  changed: () => {
    keep(memory);
    showWhatFits();
  },
  failed: (error) => trouble(error),
  async call(run, tokenUuid, action, data) {
    note(run, "call", `Runs ${action}`, {action, token: tokenUuid, body: data});
    try {
      const answer = await run.execute(tokenUuid, action, data);
      trouble(null);
      return answer;
    } catch (error) {
      note(run, "error", `${action} was refused: ${error.message}`, {status: error.status, ...error});
      if (error.status === 409) cards.get(run.uuid)?.refresh();
      throw error;
    }
  },
};

/** Shows an instance as a card and listens to it. */
function follow(run, kept) {
  if (cards.has(run.uuid)) return cards.get(run.uuid);
  const card = new Card(run, kept, page);
  cards.set(run.uuid, card);
  byId("runs").append(card.node);
  for (const entry of memory.entries) {
    if (entry.uuid !== run.uuid) continue;
    log.add(entry, {fresh: false});
    if (entry.frame) card.show(entry.frame);
  }
  run.onData((frame) => arrived(card, frame));
  run.onProgress((frame) => arrived(card, frame));
  run.onState((frame) => arrived(card, frame));
  run.onAction((frame, newRun) => {
    arrived(card, frame);
    follow(newRun, remember(newRun.uuid, frame.action.processName)).node.scrollIntoView({behavior: "smooth", block: "nearest"});
  });
  run.onError((error) => {
    note(run, "error", errorInWords(error), {status: error.status, message: error.message});
    trouble(error);
  });
  run.onConnection((connection) => {
    connections.set(run.uuid, connection);
    showConnection();
  });
  card.refresh();
  return card;
}

function arrived(card, frame) {
  if (memory.entries.some((entry) => entry.frame?.id === frame.id)) return; // remembered by a reload in between
  add({at: frame.timestamp, uuid: card.run.uuid, process: card.kept.process, frame});
  card.show(frame);
  card.refresh();
}

function note(run, kind, text, raw) {
  add({at: new Date().toISOString(), uuid: run.uuid, process: cards.get(run.uuid)?.kept.process ?? process, kind, text, raw});
}

function add(entry) {
  memory.entries.push(entry);
  keep(memory);
  log.add(entry);
}

function remember(uuid, name) {
  const known = memory.runs.find((one) => one.uuid === uuid);
  if (known) return known;
  const kept = {uuid, process: name, typed: {}};
  memory.runs.push(kept);
  keep(memory);
  return kept;
}

async function start() {
  const button = byId("start");
  button.disabled = true;
  trouble(null);
  const at = new Date().toISOString();
  try {
    const run = await flowx.start(process);
    history.replaceState(null, "", `#${run.uuid}`);
    follow(run, remember(run.uuid, process));
    add({at, uuid: run.uuid, process, kind: "call", text: `Starts ${process}`, raw: {process, answer: run.instance}});
  } catch (error) {
    trouble(error);
  }
  button.disabled = false;
  showWhatFits();
}

function again() {
  flowx.close();
  cards.clear();
  connections.clear();
  byId("runs").replaceChildren();
  log.clear();
  memory = {runs: [], entries: []};
  keep(memory);
  history.replaceState(null, "", location.pathname);
  showConnection();
  start();
}

/** Says what went wrong, or, with null, that all is well again. */
function trouble(error) {
  byId("trouble").hidden = error === null;
  byId("trouble").lastElementChild.textContent = error ? errorInWords(error) : "";
  byId("login").hidden = ![401, 4401].includes(error?.status);
}

function showWhatFits() {
  const all = [...cards.values()];
  byId("begin").hidden = all.length > 0;
  byId("log").parentElement.classList.toggle("several", all.length > 1);
  byId("again").hidden = all.length === 0 || all.some((card) => !card.state || !(hasEnded(card.state) || card.farOff));
}

/** The worst of all connections speaks. */
function showConnection() {
  const order = ["closed", "waiting", "connecting", "open"];
  const [worst] = [...connections.values()].sort((one, other) => order.indexOf(one.state) - order.indexOf(other.state));
  const [words, tone] = connectionInWords(worst);
  byId("connection").dataset.state = tone;
  byId("connection").lastElementChild.textContent = words;
}

function switchTheme() {
  const dark = document.documentElement.classList.contains("dark");
  localStorage.setItem("adminTheme", JSON.stringify(dark ? "light" : "dark"));
  document.dispatchEvent(new Event("shell:theme"));
}

byId("start").addEventListener("click", start);
byId("again").querySelector("button").addEventListener("click", again);
byId("theme").addEventListener("click", switchTheme);

const named = asked();
if (named && !memory.runs.some((one) => one.uuid === named)) memory = {runs: [{uuid: named, typed: {}}], entries: []};
for (const kept of memory.runs) follow(flowx.follow(kept.uuid), kept);
showWhatFits();
