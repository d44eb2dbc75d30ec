import type { RequestHandler } from 'express';

/** Lets nobody on the way keep an answer: it is true at its moment only. */
export const forbidCaching: RequestHandler = (_request, response, next) => {
  response.setHeader('Cache-Control', 'no-store');
  next();
};
