/**
 * The names of browsers that Playwright's own types mention. They stand for nothing here: with all of a browser's types,
 * code of the service that uses `window` would pass.
 */
interface Node {
  readonly nodeType: number;
}
interface HTMLElement extends Node {
  readonly tagName: string;
}
interface SVGElement extends Node {
  readonly tagName: string;
}
interface HTMLElementTagNameMap {
  readonly a: HTMLElement;
}
