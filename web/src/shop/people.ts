import { Answer, graphql, type ResultOf } from "../api/graphql";
import { type LiveView, useLive, useView } from "../api/views";

const Users = graphql(`
  subscription Users($after: Position) {
    users(after: $after) {
      kind since position more removed
      upserted {
        id position version email firstName lastName phone address role status createdAt lastLoginAt
        orderCount totalSpent { amount currency }
      }
    }
  }
`);

// The figures of one person, which come from a read model of their own.
const UserFigures = graphql(`
  subscription UserFigures($id: ID!) {
    user(id: $id) {
      id
      orderSummary {
        totalOrders
        totalSpent { amount currency }
        averageOrderValue { amount currency }
        favouriteMedicines { medicineId name quantity }
        ordersByStatus { status count }
      }
      orders(first: 5) { nodes { id number status placedAt total { amount currency } } }
    }
  }
`);

export const GrantRole = graphql(
  `mutation GrantRole($input: GrantRoleInput!) { grantRole(input: $input) { ...Answer } }`,
  [Answer],
);
export const SuspendUser = graphql(
  `mutation SuspendUser($input: SuspendUserInput!) { suspendUser(input: $input) { ...Answer } }`,
  [Answer],
);
export const ReinstateUser = graphql(
  `mutation ReinstateUser($input: ReinstateUserInput!) { reinstateUser(input: $input) { ...Answer } }`,
  [Answer],
);
export const DeleteUser = graphql(
  `mutation DeleteUserAsAdmin($input: DeleteUserInput!) { deleteUser(input: $input) { ...Answer } }`,
  [Answer],
);

export type Person = ResultOf<typeof Users>["users"]["upserted"][number];
export type PersonFigures = NonNullable<ResultOf<typeof UserFigures>["user"]>;

/** Everybody who has an account, live. Staff. */
export function usePeople(isWanted = true): LiveView<Person> {
  return useView(Users, isWanted ? {} : null, (data) => data.users);
}

export function useFigures(id: string) {
  return useLive(UserFigures, { id }, (data) => data.user);
}

export function fullName({ firstName, lastName, email, status }: Person): string {
  if (status === "DELETED") return "Deleted user";
  return `${firstName} ${lastName}`.trim() || email;
}

/** A word of the API as one writes it: "SUSPENDED" is suspended. */
export const lower = (word: string): string => word.toLowerCase().replaceAll("_", " ");
