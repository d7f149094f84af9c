/** Data messages as the rider sees them: a greeting, a reservation, a suggestion, or the fields as they came. */
import {bike, bikeName, el, icon} from "./dom.js";

/** The node for one data frame. What the page has no words for is shown by name and value. */
export function message({data, seq}) {
  const {figure, tone = "", words, known} = reserved(data) ?? suggested(data) ?? greeted(data) ?? unknown();
  const rest = Object.entries(data).filter(([key]) => !known.includes(key));
  const body = el("div", {}, ...words, rest.length ? fields(rest) : null);
  return el("div", {cls: `told ${tone}`, "data-testid": `rider.message[${seq}]`}, figure, body);
}

function greeted(data) {
  if (typeof data.name !== "string" || data.name === "") return null;
  return {figure: icon("campaign"), words: [lead(`Hello, ${data.name}.`)], known: ["name"]};
}

function reserved(data) {
  const {reservation} = data;
  if (data.step !== "reserved" || !reservation?.reservationId) return null;
  const price = typeof reservation.price === "number" ? reservation.price.toFixed(2) : reservation.price;
  const facts = [
    ["Reservation", reservation.reservationId],
    ["Frame", reservation.bike?.frame],
    ["Price", price && `${price} a month`],
  ].filter(([, value]) => value);
  const name = reservation.bike?.name ?? bikeName(reservation.model);
  return {
    figure: bike(reservation.model) ?? icon("pedal_bike"),
    tone: "good",
    words: [lead(`${data.name ? `${data.name}, your` : "Your"} ${name} is reserved.`), fields(facts)],
    known: ["step", "name", "reservation"],
  };
}

function suggested(data) {
  if (data.step !== "advice" || !data.suggestion) return null;
  const instead = data.wanted ? el("p", {cls: "t2"}, `It is in stock; the ${bikeName(data.wanted)} is not.`) : null;
  return {
    figure: bike(data.suggestion) ?? icon("pedal_bike"),
    tone: "good",
    words: [lead(`${data.name ? `${data.name}, how` : "How"} about the ${bikeName(data.suggestion)}?`), instead],
    known: ["step", "name", "wanted", "suggestion"],
  };
}

const unknown = () => ({figure: icon("mail"), words: [lead("A message from the process")], known: []});
const lead = (text) => el("p", {cls: "lead"}, text);

function fields(pairs) {
  const list = el("dl", {cls: "kv"});
  for (const [key, value] of pairs) list.append(el("dt", {}, key), el("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value)));
  return list;
}
