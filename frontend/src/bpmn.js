// The diagram library as the staff pages use it. NavigatedViewer draws; Modeler joins here when drawing on the canvas is built.
export { default as Viewer } from 'bpmn-js/lib/NavigatedViewer';
