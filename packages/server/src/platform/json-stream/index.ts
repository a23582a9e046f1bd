export { ArraySplitter, splitArrays, type ArrayPiece, type SplitLimits } from './split-arrays.ts';
