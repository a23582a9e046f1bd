export { remoteErrorOf } from './answers.ts';
export { readXMatrix, type XMatrixCredentials } from './authorization-header.ts';
export { answerFault, type CallInput, type PlainCall, plainCall } from './contract-call.ts';
export { createFederationClient, type FederationClient, type RequestOptions, type RequestSettings } from './federation-client.ts';
export { authorize, requestText, type SignedRequest } from './signed-request.ts';
