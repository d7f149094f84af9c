// The JSON editor of the forms: CodeMirror 6 over a plain <textarea>, which stays the form's field.
//
//   <textarea name="message" data-editor="json-template" data-faults='[…]'>   JSON with ${placeholders} as plum chips
//   <textarea name="params"  data-editor="json">                              JSON without placeholders
//
// Every change is written to the textarea and sent on from it as `input`, so htmx and the form see an ordinary field; without
// JavaScript the textarea is the editor. Faults come from the server, as JSON in `data-faults` of the textarea or of any element
// with `data-faults-for="<id of the textarea>"` (a live check may swap that one):
//   [{"line": 6, "column": 17, "severity": "warning" | "error" | "blocker", "message": "…"}]
// Keys for completion after `${`: JSON in `data-keys-for="<id>"`, [{"path", "type", "example", "origin"}].
// Tab leaves the editor; Ctrl+M makes Tab indent until Ctrl+M is pressed again.
import {
  EditorState, EditorView, Decoration, MatchDecorator, ViewPlugin, GutterMarker, RangeSetBuilder, StateEffect, StateField,
  keymap, lineNumbers, gutterLineClass, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, drawSelection,
  defaultKeymap, history, historyKeymap, indentWithTab, toggleTabFocusMode, bracketMatching, HighlightStyle, syntaxHighlighting, StreamLanguage,
  autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, searchKeymap, tags,
} from '../vendor/codemirror.js';

// ---------- the language: JSON in which ${path} may stand as a value or inside a text ----------
const jsonTemplate = StreamLanguage.define({
  name: 'json-template',
  startState: () => ({ inText: false, name: false }),
  token(stream, state) {
    if (stream.match(/^\$\$\{/)) return state.inText ? 'string' : 'invalid';
    if (stream.match(/^\$\{[^}\n]*\}?/)) return 'variableName';
    if (state.inText) {
      while (!stream.eol()) {
        if (stream.match(/^\$\$?\{/, false)) return state.name ? 'propertyName' : 'string';
        const next = stream.next();
        if (next === '\\') stream.next();
        else if (next === '"') { state.inText = false; break; }
      }
      if (stream.eol()) state.inText = false;
      return state.name ? 'propertyName' : 'string';
    }
    if (stream.eatSpace()) return null;
    if (stream.peek() === '"') {
      state.name = /^"(?:[^"\\]|\\.)*"\s*:/.test(stream.string.slice(stream.pos));
      state.inText = true;
      stream.next();
      return state.name ? 'propertyName' : 'string';
    }
    if (stream.match(/^-?\d+(\.\d+)?([eE][+-]?\d+)?/) || stream.match(/^(true|false|null)\b/)) return 'number';
    if (stream.match(/^[{}[\],:]/)) return 'punctuation';
    stream.next();
    return null;
  },
  languageData: { closeBrackets: { brackets: ['{', '[', '"'] } },
});

const colours = syntaxHighlighting(HighlightStyle.define([
  { tag: tags.propertyName, class: 'tk-k' }, { tag: tags.string, class: 'tk-s' }, { tag: tags.number, class: 'tk-n' }, { tag: tags.punctuation, class: 'tk-p' },
]));

const chips = ViewPlugin.fromClass(class {
  constructor(view) { this.matcher = new MatchDecorator({ regexp: /(?<!\$)\$\{[^}\n]*\}/g, decoration: Decoration.mark({ class: 'plc' }) }); this.decorations = this.matcher.createDeco(view); }
  update(update) { this.decorations = this.matcher.updateDeco(update, this.decorations); }
}, { decorations: plugin => plugin.decorations });

// ---------- faults: a wavy line under the place, a mark at the edge of the line, the sentence on hover ----------
const setFaults = StateEffect.define();
class EdgeMark extends GutterMarker { constructor(name) { super(); this.elementClass = name; } }
const EDGES = { warn: new EdgeMark('ln-warn'), bad: new EdgeMark('ln-bad') };
const faults = StateField.define({
  create: () => ({ text: Decoration.none, gutter: new RangeSetBuilder().finish(), list: [] }),
  update(value, transaction) {
    let { text, gutter, list } = value;
    if (transaction.docChanged) { text = text.map(transaction.changes); gutter = gutter.map(transaction.changes); }
    for (const effect of transaction.effects) if (effect.is(setFaults)) ({ text, gutter, list } = marked(transaction.state.doc, effect.value));
    return { text, gutter, list };
  },
  provide: field => [EditorView.decorations.from(field, value => value.text), gutterLineClass.from(field, value => value.gutter)],
});

function marked(doc, list) {
  const places = list.filter(fault => fault.line && fault.line <= doc.lines).map(fault => {
    const line = doc.line(fault.line), from = Math.min(line.from + Math.max(0, (fault.column || 1) - 1), line.to);
    return { fault, line, from, to: extent(line, from) };
  }).sort((a, b) => a.from - b.from);
  const text = places.filter(place => place.to > place.from).map(({ fault, from, to }) =>
    Decoration.mark({ class: fault.severity === 'warning' ? 'sq-warn' : 'sq-bad', attributes: { title: fault.message } }).range(from, to));
  const worst = new Map();
  for (const { fault, line } of places) if (worst.get(line.from) !== 'bad') worst.set(line.from, fault.severity === 'warning' ? 'warn' : 'bad');
  const gutter = new RangeSetBuilder();
  for (const [from, kind] of [...worst].sort((a, b) => a[0] - b[0])) gutter.add(from, from, EDGES[kind]);
  return { text: Decoration.set(text, true), gutter: gutter.finish(), list };
}

/** What is underlined: the placeholder, the word or the sign that stands there. */
function extent(line, from) {
  const rest = line.text.slice(from - line.from);
  const found = rest.match(/^(\$?\$\{[^}]*\}?|"(?:[^"\\]|\\.)*"|[\w.[\]-]+|.)/);
  return found ? from + found[0].length : Math.min(from + 1, line.to);
}

// ---------- completion after ${ ----------
function keysOf(textarea) {
  const source = document.querySelector(`[data-keys-for="${CSS.escape(textarea.id)}"]`);
  try { return source ? JSON.parse(source.textContent) : []; } catch { return []; }
}
const complete = textarea => context => {
  const before = context.matchBefore(/\$\{[\w.[\]-]*/u);
  if (!before) return null;
  const options = keysOf(textarea).map((key, position) => ({
    label: key.path, detail: key.type, info: [key.example !== undefined && key.example !== null && `Example: ${key.example}`, key.origin].filter(Boolean).join('\n') || undefined,
    boost: -position, type: 'variable',
    apply: (view, completion, from, to) => {
      const closed = view.state.sliceDoc(to, to + 1) === '}';
      view.dispatch({ changes: { from, to, insert: key.path + (closed ? '' : '}') }, selection: { anchor: from + key.path.length + 1 } });
    },
  }));
  return { from: before.from + 2, options, validFor: /^[\w.[\]-]*$/u };
};

const theme = EditorView.theme({
  '&': { background: 'var(--card)', color: 'var(--text-1)', fontSize: '12px', borderRadius: 'var(--r-2)', width: '100%', minWidth: '0' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '19px', fontVariantLigatures: 'none' },
  '.cm-content': { padding: '4px 0', caretColor: 'var(--accent-text)' },
  '.cm-line': { padding: '0 8px 0 2px' },
  '.cm-gutters': { background: 'transparent', border: '0', color: 'var(--text-3)' },
  '.cm-lineNumbers .cm-gutterElement': { minWidth: '32px', padding: '0 10px 0 6px' },
  '.cm-activeLine, .cm-activeLineGutter': { background: 'var(--code-line)' },
  '&:not(.cm-focused) .cm-activeLine, &:not(.cm-focused) .cm-activeLineGutter': { background: 'transparent' },
  '.cm-activeLineGutter': { color: 'var(--text-1)' },
  '.cm-gutterElement.ln-warn': { color: 'var(--wait-text)', boxShadow: 'inset 3px 0 0 var(--wait-mark)' },
  '.cm-gutterElement.ln-bad': { color: 'var(--stop-text)', boxShadow: 'inset 3px 0 0 var(--stop-mark)' },
  '.cm-cursor': { borderLeft: '2px solid var(--accent-text)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { background: 'var(--accent-soft)' },
  '&.cm-focused .cm-matchingBracket': { background: 'var(--press)', outline: 'none' },
  '.cm-tooltip': { background: 'var(--raised)', color: 'var(--text-1)', border: '1px solid var(--line-2)', borderRadius: 'var(--r-2)', boxShadow: 'var(--shadow-2)' },
  '.cm-tooltip-autocomplete > ul > li': { padding: '3px 8px', fontFamily: 'var(--mono)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { background: 'var(--accent-soft)', color: 'var(--accent-text)' },
  '.cm-completionDetail': { color: 'var(--text-3)', fontStyle: 'normal', marginLeft: '12px' },
  '.cm-panels': { background: 'var(--inset)', color: 'var(--text-1)', borderColor: 'var(--line)' },
});

const editors = new WeakMap();

/** The editor over a textarea; made on first call. */
export function editorOf(textarea) { return editors.get(textarea) ?? upgrade(textarea); }

function upgrade(textarea) {
  const template = textarea.dataset.editor === 'json-template';
  const label = textarea.labels?.[0]?.textContent.trim() || textarea.getAttribute('aria-label') || 'JSON';
  const frame = document.createElement('div');
  frame.className = 'cm-frame';
  textarea.after(frame);
  textarea.hidden = true;
  const view = new EditorView({
    parent: frame,
    state: EditorState.create({
      doc: textarea.value,
      extensions: [
        lineNumbers(), highlightActiveLine(), highlightActiveLineGutter(), highlightSpecialChars(), history(), drawSelection(), bracketMatching(), closeBrackets(),
        EditorState.tabSize.of(2), EditorView.lineWrapping, jsonTemplate, colours, theme, faults, ...(template ? [chips, autocompletion({ override: [complete(textarea)] })] : []),
        EditorState.readOnly.of(textarea.readOnly || textarea.disabled), EditorView.editable.of(!(textarea.readOnly || textarea.disabled)),
        keymap.of([{ key: 'Ctrl-m', mac: 'Shift-Alt-m', run: toggleTabFocusMode }, ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
        EditorView.contentAttributes.of({
          'aria-label': label, 'aria-multiline': 'true', ...(textarea.getAttribute('aria-describedby') ? { 'aria-describedby': textarea.getAttribute('aria-describedby') } : {}),
          ...(textarea.dataset.testid ? { 'data-testid': `${textarea.dataset.testid}.editor` } : {}), autocapitalize: 'off', spellcheck: 'false', translate: 'no',
        }),
        EditorView.updateListener.of(update => {
          if (!update.docChanged) return;
          textarea.value = update.state.doc.toString();
          textarea.dispatchEvent(new Event('input', { bubbles: true }));
        }),
      ],
    }),
  });
  view.setTabFocusMode(true);
  textarea.addEventListener('focus', () => view.focus());
  textarea.focus = () => view.focus();
  editors.set(textarea, view);
  showFaults(textarea);
  return view;
}

/** Put another text into the editor (a fix, a skeleton): one step that undo takes back. */
export function setText(textarea, text) {
  const view = editorOf(textarea);
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}

/** Mark the faults that the server named for this textarea. */
export function showFaults(textarea) {
  const view = editors.get(textarea);
  if (!view) return;
  const source = document.querySelector(`[data-faults-for="${CSS.escape(textarea.id)}"]`);
  let list = [];
  try { list = JSON.parse(source ? source.textContent || '[]' : textarea.dataset.faults || '[]'); } catch { list = []; }
  view.dispatch({ effects: setFaults.of(list) });
}

function upgradeAll(within) {
  for (const textarea of within.querySelectorAll('textarea[data-editor]')) editorOf(textarea);
}
upgradeAll(document);
document.addEventListener('htmx:load', event => upgradeAll(event.detail.elt.parentElement ?? document));
for (const swapped of ['htmx:afterSettle', 'htmx:oobAfterSwap']) {
  document.addEventListener(swapped, () => { for (const textarea of document.querySelectorAll('textarea[data-editor]')) showFaults(textarea); });
}
