export { type ErrorCode, errorStatuses, type MatrixErrorCode } from './codes.ts';
export * from './constructors.ts';
export { type ErrorFields, MatrixError } from './matrix-error.ts';
