import type { CacheBudget } from '../../platform/cache/index.ts';
import type { Feature } from '../feature.ts';
import { receiveReceipts, sendReceipts, type ReceiptFederationNeeds } from './receipts.federation.ts';
import { receiptRoutes } from './receipts.routes.ts';
import { receiptsSyncSource } from './receipts.sync.ts';
import { Receipts, type ReceiptsNeeds } from './receipts.ts';

export type { Receipt, ReceiptType } from './receipt.ts';
export type { ReadMarkers, ReceiptHook, Receipts, ReceiptWrite } from './receipts.ts';
export { receiptsOfUser } from './receipts.store.ts';
export { mainThread, threadOf } from './thread-of.ts';

/** Receipts and read markers. Others join in through `receipts.hooks` (in the transaction) and `receipts.onReceipt` (after it). */
export async function receiptsFeature(
  needs: ReceiptsNeeds & ReceiptFederationNeeds & { readonly caches: CacheBudget },
): Promise<Feature & { readonly receipts: Receipts }> {
  const receipts = await Receipts.open(needs);
  sendReceipts(needs, receipts);
  return {
    name: 'receipts',
    routes: receiptRoutes(receipts),
    sync: [receiptsSyncSource(needs, receipts)],
    edus: { 'm.receipt': receiveReceipts(needs, receipts) },
    receipts,
  };
}
