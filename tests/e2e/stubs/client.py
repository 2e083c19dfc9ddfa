"""A client in Python, with nothing of coordhub's but the contract."""

import sys

import grpc
from coordhub.v1 import ticket_pb2, ticket_service_pb2, ticket_service_pb2_grpc

with grpc.insecure_channel(sys.argv[1]) as channel:
    answer = ticket_service_pb2_grpc.TicketServiceStub(channel).CreateTicket(
        ticket_service_pb2.CreateTicketRequest(request_id="python-1", spec=ticket_pb2.TicketSpec(title="made in Python")),
        timeout=30, metadata=[("coordhub-client", "stubs-python")])
    print(answer.ticket.ticket_id, ticket_pb2.Ticket.State.Name(answer.ticket.state), answer.revision)
