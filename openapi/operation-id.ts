const FORM = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether a text can be the id of an operation at all; PostgreSQL refuses every other one as an error. */
export const isOperationId = (text: string): boolean => FORM.test(text);
