/* Adds up the ranks of all processes by passing a sum around the ring of them, and says on how many machines they are. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	int rank, size, length, sum = 0, machines = 1;
	char name[MPI_MAX_PROCESSOR_NAME], former[MPI_MAX_PROCESSOR_NAME];

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Get_processor_name(name, &length);
	if (rank > 0) {
		MPI_Recv(&sum, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		MPI_Recv(&machines, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		MPI_Recv(former, sizeof former, MPI_CHAR, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		machines += strcmp(former, name) != 0;
	}
	sum += rank;
	if (rank < size - 1) {
		MPI_Send(&sum, 1, MPI_INT, rank + 1, 0, MPI_COMM_WORLD);
		MPI_Send(&machines, 1, MPI_INT, rank + 1, 0, MPI_COMM_WORLD);
		MPI_Send(name, sizeof name, MPI_CHAR, rank + 1, 0, MPI_COMM_WORLD);
	} else {
		printf("%d processes on %d machines, sum %d\n", size, machines, sum);
	}
	MPI_Finalize();
	return 0;
}
