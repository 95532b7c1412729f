import { graphql, type ResultOf } from "../api/graphql";
import { type LiveView, useView } from "../api/views";

const Medicines = graphql(`
  subscription Medicines($after: Position) {
    medicines(after: $after) {
      kind since position more removed
      upserted {
        id position version name genericName manufacturer strength
        price { amount currency }
        stockQuantity reservedQuantity isAvailable isDiscontinued
      }
    }
  }
`);

export type Medicine = ResultOf<typeof Medicines>["medicines"]["upserted"][number];

/** Every medicine, live. The basket and the stock use the same subscription. */
export function useCatalogue(): LiveView<Medicine> {
  return useView(Medicines, {}, (data) => data.medicines);
}

export const SearchMedicines = graphql(`
  query SearchMedicines($text: String!) {
    searchMedicines(text: $text, first: 100) { nodes { id } pageInfo { hasNextPage } }
  }
`);

/** How many can be ordered now. */
export function leftOf({ stockQuantity, reservedQuantity, isDiscontinued }: Medicine): number {
  return isDiscontinued ? 0 : Math.max(0, stockQuantity - reservedQuantity);
}

export function byName(one: Medicine, other: Medicine): number {
  return one.name.localeCompare(other.name) || one.strength.localeCompare(other.strength);
}
