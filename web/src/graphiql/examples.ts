import type { Tab } from "./linked";

const MEDICINES = `# What the shop sells, with price and stock.
# \`position\` is the place in the log that the page
# shows; a subscription that begins \`after\` it
# misses nothing.
query Medicines {
  medicines(first: 10, filter: { isAvailable: true }) {
    nodes {
      id
      name
      strength
      price { amount currency }
      stockQuantity
      reservedQuantity
    }
    pageInfo { hasNextPage endCursor }
    position
  }
}
`;

const CHANGE_PRICE = `# A new price for the medicine in the variables;
# its id is from the tab Medicines. Staff may.
# The receipt says where the log holds the change.
# A refusal is an answer too: then there is no
# receipt, and \`errors\` says why.
mutation ChangeMedicinePrice(
  $input: ChangeMedicinePriceInput!
) {
  changeMedicinePrice(input: $input) {
    receipt { commandId position version acceptedAt }
    errors { code message path }
    medicine { name price { amount currency } }
  }
}
`;

const FOLLOW = `# The medicines that can be ordered, live.
# First a SNAPSHOT, then CHANGES each time a price
# or a stock changes: applied to what was so at
# \`since\`, they give what is so at \`position\`.
# Each frame takes the place of the one before it.
# Change a price on the desk, in another tab, and
# see it arrive. The button that runs it stops it.
subscription FollowMedicines {
  medicines(filter: { isAvailable: true }) {
    kind
    since
    position
    more
    upserted {
      id
      name
      price { amount currency }
      stockQuantity
    }
    removed
  }
}
`;

const NEW_PRICE = { input: { medicineId: "med-ibuprofen-400mg-tablet", price: "7.20" } };

export const EXAMPLES: Tab[] = [
  { query: MEDICINES, variables: "" },
  { query: CHANGE_PRICE, variables: JSON.stringify(NEW_PRICE, null, 2) },
  { query: FOLLOW, variables: "" },
];
