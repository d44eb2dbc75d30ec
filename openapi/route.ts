import type { Request, Response } from 'express';

export type Route = (request: Request, response: Response) => Promise<void> | void;

/** What serves each operation of the contract, by its id. */
export type Routes = Readonly<Record<string, Route>>;
