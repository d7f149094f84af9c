/** The screens a rider can act on, one for each manual action the page knows; any other action gets a plain button. */
import {bikeName, copyOf} from "./dom.js";
import {errorInWords} from "./words.js";

/**
 * A screen for an action of a node. `run(data)` executes it and rejects when refused; `typed` is an object that holds what was
 * typed, `changed` is called when that changes.
 */
export function screenFor(action, context) {
  const form = (SCREENS[action.name] ?? anyAction)(action, context);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector('[type="submit"]');
    button.disabled = true;
    say(form, null);
    try {
      await context.run(action.name, form.values?.() ?? {});
    } catch (error) {
      say(form, errorInWords(error));
      button.disabled = false;
    }
  });
  return form;
}

const SCREENS = {
  submit_rider_details(action, {typed, changed}) {
    const form = copyOf("details-template");
    for (const [name, value] of Object.entries(typed)) if (form.elements[name]) form.elements[name].value = value;
    form.addEventListener("input", () => {
      Object.assign(typed, Object.fromEntries(new FormData(form)));
      changed();
    });
    form.values = () => {
      const {heightCm, email, ...client} = Object.fromEntries(new FormData(form));
      if (email) client.email = email;
      return {application: {client: {...client, heightCm: Number(heightCm)}}};
    };
    return form;
  },

  sign_lease(action, {data, typed, changed}) {
    const form = copyOf("sign-template");
    const {client = {}} = data.application ?? {};
    const {reservation = {}} = data;
    const price = typeof reservation.price === "number" ? ` It costs ${reservation.price.toFixed(2)} a month.` : "";
    form.querySelector("p").textContent = `You lease the ${reservation.bike?.name ?? bikeName(reservation.model ?? client.bikeModel)}.${price} After you have signed there is a cooling-off period; then the lease is active.`;
    const {signedBy} = form.elements;
    signedBy.value = typed.signedBy ?? "";
    signedBy.placeholder = [client.firstName, client.lastName].filter(Boolean).join(" ");
    form.addEventListener("input", () => {
      typed.signedBy = signedBy.value;
      changed();
    });
    form.values = () => ({lease: {signedBy: signedBy.value}});
    return form;
  },

  offer_other_bike(action, {data}) {
    const form = copyOf("offer-template");
    form.querySelector("h3").textContent = data.reservation?.error ?? "The warehouse has not answered in time.";
    return form;
  },
};

function anyAction(action, {node}) {
  const form = copyOf("action-template");
  form.querySelector("h3").textContent = node;
  form.querySelector(".send .mono").textContent = action.name;
  return form;
}

function say(form, text) {
  const box = form.querySelector(".err");
  box.hidden = text === null;
  box.lastElementChild.textContent = text ?? "";
}
