import { Answer, graphql, type ResultOf } from "../api/graphql";
import { changes, type Effect } from "../api/intent";
import type { RowState } from "../api/overlay";
import { type LiveView, useView } from "../api/views";
import type { Medicine } from "./catalogue";

const Inventory = graphql(`
  subscription Inventory($after: Position) {
    inventory(after: $after) {
      kind since position more removed
      upserted {
        id position medicineId medicineName
        availableQuantity reservedQuantity totalQuantity lowStockThreshold lowStockAlert
        pendingOrders
      }
    }
  }
`);

export const ReceiveStock = graphql(
  `mutation ReceiveStock($input: ReceiveStockInput!) { receiveStock(input: $input) { ...Answer } }`,
  [Answer],
);
export const AdjustStock = graphql(
  `mutation AdjustStock($input: AdjustStockInput!) { adjustStock(input: $input) { ...Answer } }`,
  [Answer],
);
export const DiscontinueMedicine = graphql(
  `mutation DiscontinueMedicine($input: DiscontinueMedicineInput!) { discontinueMedicine(input: $input) { ...Answer } }`,
  [Answer],
);
export const RegisterMedicine = graphql(
  `mutation RegisterMedicine($input: RegisterMedicineInput!) { registerMedicine(input: $input) { ...Answer } }`,
  [Answer],
);

export type InventoryItem = ResultOf<typeof Inventory>["inventory"]["upserted"][number];

/** The stock of every medicine, live. Staff. */
export function useInventory(): LiveView<InventoryItem> {
  return useView(Inventory, {}, (data) => data.inventory);
}

export const inventoryId = (medicineId: string): string => `inventory_${medicineId}`;

/** One line of the stock: a medicine, how much there is of it, and what is being done to either. */
export interface StockLine {
  item: InventoryItem;
  /** Null as long as the catalogue has not come. */
  medicine: Medicine | null;
  state: RowState | null;
}

export function linesOf(inventory: LiveView<InventoryItem>, catalogue: LiveView<Medicine>): StockLine[] {
  return [...inventory.rows.values()].map((item) => ({
    item,
    medicine: catalogue.rows.get(item.medicineId) ?? null,
    state: later(inventory.states.get(item.id), catalogue.states.get(item.medicineId)),
  }));
}

function later(one: RowState | undefined, other: RowState | undefined): RowState | null {
  if (!one || !other) return one ?? other ?? null;
  return one.intent.sentAt < other.intent.sentAt ? other : one;
}

/** What becomes of a medicine and its stock when there are so many of it. */
export function counted(medicine: Medicine, item: InventoryItem, total: number): Effect[] {
  const availableQuantity = total - item.reservedQuantity;
  return [
    changes<InventoryItem>("inventory", item.id, {
      totalQuantity: total,
      availableQuantity,
      lowStockAlert: availableQuantity <= item.lowStockThreshold,
    }),
    changes<Medicine>("medicines", medicine.id, {
      stockQuantity: total,
      isAvailable: !medicine.isDiscontinued && total > medicine.reservedQuantity,
    }),
  ];
}
