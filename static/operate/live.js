// Keeps a page up to date: asks every few seconds and whenever told to, one question at a time, and rests while paused or hidden.
//
//   const live = keepLive({ seconds: 5, refresh: async () => {...}, })   refresh answers true when it changed the page
//   live.soon(); live.paused
import { announce } from '../shell/shell.js';
import { distance, rest } from './times.js';

export function keepLive({ seconds, refresh }) {
  const box = document.querySelector('[data-live-state]');
  const words = box?.querySelector('[data-live-words]');
  const button = box?.querySelector('[data-live-pause]');
  let paused = false, busy = false, again = false, timer = 0, asked = Date.now();

  function say(state) {
    if (!box) return;
    box.dataset.liveState = state;
    if (words) words.textContent = state === 'off' ? 'Paused' : state === 'lost' ? 'No answer, trying again' : seconds > 4 ? `Live, ${distance(asked - Date.now() - 500)}` : 'Live';
  }
  async function ask() {
    clearTimeout(timer);
    if (paused || document.hidden) return;
    if (busy) { again = true; return; }
    busy = true;
    let state = 'on';
    try { await refresh(); asked = Date.now(); } catch (error) { state = 'lost'; if (!(error instanceof TypeError)) console.warn(error); }
    busy = false;
    say(paused ? 'off' : state);
    if (again) { again = false; timer = setTimeout(ask, 250); } else timer = setTimeout(ask, seconds * 1000);
  }
  button?.addEventListener('click', () => {
    paused = !paused;
    rest(paused);
    button.setAttribute('aria-pressed', String(paused));
    button.setAttribute('aria-label', paused ? 'Go on with live updates' : 'Pause live updates');
    button.querySelector('[data-when="on"]').hidden = paused;
    button.querySelector('[data-when="off"]').hidden = !paused;
    say(paused ? 'off' : 'on');
    announce(paused ? 'Live updates paused.' : 'Live updates go on.');
    if (!paused) ask();
  });
  document.addEventListener('visibilitychange', () => { if (!document.hidden) ask(); });
  timer = setTimeout(ask, seconds * 1000);
  setInterval(() => { if (!paused && box?.dataset.liveState === 'on') say('on'); }, 1000);
  return { soon: ask, get paused() { return paused; } };
}
