/*
 * How long a message takes between nodes, and how much goes through: the first process plays with each process on another node in turn.
 *
 *     mpirun --map-by ppr:1:node pingpong
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 1 << 20 };

/* play sends a message of so many bytes there and back, and returns the seconds for one way. The first rounds do not count. */
static double play(int rank, int other, char *buffer, int bytes, int rounds) {
	double began = 0;
	for (int i = -rounds / 10; i < rounds; i++) {
		if (i == 0) began = MPI_Wtime();
		if (rank == 0) {
			MPI_Send(buffer, bytes, MPI_CHAR, other, 0, MPI_COMM_WORLD);
			MPI_Recv(buffer, bytes, MPI_CHAR, other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		} else {
			MPI_Recv(buffer, bytes, MPI_CHAR, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
			MPI_Send(buffer, bytes, MPI_CHAR, 0, 0, MPI_COMM_WORLD);
		}
	}
	return (MPI_Wtime() - began) / (2 * rounds);
}

int main(int argc, char **argv) {
	int rank, size, length, games = 0;
	char name[MPI_MAX_PROCESSOR_NAME] = "";
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Get_processor_name(name, &length);
	char(*names)[MPI_MAX_PROCESSOR_NAME] = calloc(size, sizeof *names);
	char *buffer = calloc(1, LARGE);
	if (names == NULL || buffer == NULL) MPI_Abort(MPI_COMM_WORLD, 1);
	MPI_Allgather(name, sizeof name, MPI_CHAR, names, sizeof name, MPI_CHAR, MPI_COMM_WORLD);
	for (int other = 1; other < size; other++) {
		MPI_Barrier(MPI_COMM_WORLD);
		if (strcmp(names[0], names[other]) == 0) continue;
		games++;
		if (rank != 0 && rank != other) continue;
		double latency = play(rank, other, buffer, 1, 200), large = play(rank, other, buffer, LARGE, 20);
		if (rank == 0) printf("%s - %s: latency %.3f ms, bandwidth %.1f MB/s\n", names[0], names[other], latency * 1e3, LARGE / large / 1e6);
	}
	if (rank == 0 && games == 0) fprintf(stderr, "pingpong: all processes are on one node: mpirun --map-by ppr:1:node pingpong\n");
	MPI_Finalize();
	return games > 0 ? 0 : 1;
}
