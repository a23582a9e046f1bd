export {
  isPolicyServerAsked,
  isSignedByPolicyServer,
  policyKeyId,
  readPolicyServer,
  withPolicySignature,
  type PolicyServer,
} from './policy-server.ts';
