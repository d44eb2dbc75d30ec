import path from 'node:path';
import express, { type RequestHandler, Router } from 'express';

/** The page at `/admin`: plain HTML, CSS and modules, served as they stand. */
export const CONSOLE_DIR = path.resolve(import.meta.dirname, '../console');

const SERVED = /^\/[a-z-]+\.(?:js|css|svg)$/;

/** Serves scripts, styles and icon of the console. A browser asks each time whether its copy is still the one here. */
export function serveConsoleFiles(): RequestHandler {
  const router = Router({ caseSensitive: true, strict: true });
  router.get(SERVED, express.static(CONSOLE_DIR, { cacheControl: false, index: false, redirect: false }));
  return router;
}
