// A client in Go, with nothing of coordhub's but the contract.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	coordhubv1 "coordhub/v1"
)

func main() {
	connection, err := grpc.Dial(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "coordhub-client", "stubs-go")
	answer, err := coordhubv1.NewTicketServiceClient(connection).CreateTicket(ctx, &coordhubv1.CreateTicketRequest{
		RequestId: "go-1",
		Spec:      &coordhubv1.TicketSpec{Title: "made in Go"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.Ticket.TicketId, answer.Ticket.State, answer.Revision)
}
