/** How deep arrays and objects may nest, about what Python servers bear; deeper would only serve to exhaust a stack. */
export const maxJsonDepth = 1000;
