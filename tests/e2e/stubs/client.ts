// A client in TypeScript, with nothing of coordhub's but the contract.
import { credentials, Metadata, ServiceError } from "@grpc/grpc-js";

import { Ticket_State } from "./coordhub/v1/ticket";
import { CreateTicketRequest, CreateTicketResponse, TicketServiceClient } from "./coordhub/v1/ticket_service";

const client = new TicketServiceClient(process.argv[2], credentials.createInsecure());
const metadata = new Metadata();
metadata.set("coordhub-client", "stubs-typescript");
const request = CreateTicketRequest.fromPartial({ requestId: "typescript-1", spec: { title: "made in TypeScript" } });
const deadline = Date.now() + 30_000;
client.createTicket(request, metadata, { deadline }, (error: ServiceError | null, answer: CreateTicketResponse) => {
  if (error !== null) throw error;
  const ticket = answer.ticket!;
  console.log(ticket.ticketId, Ticket_State[ticket.state], answer.revision);
  client.close();
});
