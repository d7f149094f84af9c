// The parts of CodeMirror 6 that static/design/editor.js puts together.
export { EditorState, EditorSelection, Compartment, RangeSetBuilder, StateEffect, StateField } from '@codemirror/state';
export {
  EditorView, Decoration, ViewPlugin, MatchDecorator, GutterMarker, keymap, lineNumbers, gutterLineClass, highlightActiveLine,
  highlightActiveLineGutter, highlightSpecialChars, drawSelection, dropCursor, rectangularSelection, crosshairCursor, placeholder,
} from '@codemirror/view';
export { defaultKeymap, history, historyKeymap, indentWithTab, toggleTabFocusMode } from '@codemirror/commands';
export { bracketMatching, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting, StreamLanguage, indentUnit } from '@codemirror/language';
export { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, startCompletion } from '@codemirror/autocomplete';
export { setDiagnostics, lintGutter, lintKeymap } from '@codemirror/lint';
export { searchKeymap, highlightSelectionMatches } from '@codemirror/search';
export { tags } from '@lezer/highlight';
