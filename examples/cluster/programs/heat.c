/*
 * Heat in a cube whose faces are kept cold: du/dt = laplace(u), by explicit steps on a grid of N x N x N points.
 *
 *     mpirun heat [N [STEPS]]
 *
 * The cube is cut into slabs of planes, one for each process; at each step neighbours exchange the planes where they touch. The heat begins as
 * sin(pi x) sin(pi y) sin(pi z), which shrinks by the same factor at each step, so the true result is known. Each point is computed from the
 * same numbers in the same order however many processes there are: the digest of all points must not depend on that.
 */
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
static const double RATIO = 1.0 / 8; /* time step by square of the grid's width; stable below 1/6 */

typedef struct {
	int n;            /* points along each edge, without the faces */
	int first, count; /* this process's planes */
	int below, above; /* the neighbours' ranks, or MPI_PROC_NULL */
	double *now, *next;
} slab;

static size_t plane(const slab *s) { return (size_t)(s->n + 2) * (s->n + 2); }

/* at is the place of a point; planes, rows and points count from 1, and 0 and n+1 are faces or the neighbours' planes. */
static size_t at(const slab *s, int z, int y, int x) { return z * plane(s) + (size_t)y * (s->n + 2) + x; }

static double initial(const slab *s, int z, int y, int x) {
	double h = PI / (s->n + 1);
	return sin(h * (s->first + z)) * sin(h * y) * sin(h * x);
}

static void prepare(slab *s, int n) {
	int rank, size;
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	s->n = n;
	s->first = (int)((long)n * rank / size);
	s->count = (int)((long)n * (rank + 1) / size) - s->first;
	s->below = rank > 0 ? rank - 1 : MPI_PROC_NULL;
	s->above = rank < size - 1 ? rank + 1 : MPI_PROC_NULL;
	s->now = calloc((s->count + 2) * plane(s), sizeof(double));
	s->next = calloc((s->count + 2) * plane(s), sizeof(double));
	if (s->now == NULL || s->next == NULL) {
		fprintf(stderr, "heat: no memory for %d planes\n", s->count);
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
	for (int z = 1; z <= s->count; z++)
		for (int y = 1; y <= n; y++)
			for (int x = 1; x <= n; x++) s->now[at(s, z, y, x)] = initial(s, z, y, x);
}

static void exchange(slab *s) {
	int size = (int)plane(s);
	MPI_Sendrecv(s->now + at(s, 1, 0, 0), size, MPI_DOUBLE, s->below, 0, s->now + at(s, s->count + 1, 0, 0), size, MPI_DOUBLE, s->above, 0,
	             MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	MPI_Sendrecv(s->now + at(s, s->count, 0, 0), size, MPI_DOUBLE, s->above, 1, s->now + at(s, 0, 0, 0), size, MPI_DOUBLE, s->below, 1,
	             MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static void step(slab *s) {
	size_t dy = s->n + 2, dz = plane(s);
	exchange(s);
	for (int z = 1; z <= s->count; z++)
		for (int y = 1; y <= s->n; y++)
			for (int x = 1; x <= s->n; x++) {
				const double *u = s->now + at(s, z, y, x);
				double around = ((u[-1] + u[1]) + (u[-dy] + u[dy])) + (u[-dz] + u[dz]);
				s->next[at(s, z, y, x)] = *u + RATIO * (around - 6 * *u);
			}
	double *swap = s->now;
	s->now = s->next;
	s->next = swap;
}

/* check returns the largest difference from the true result, and the digest of all points. */
static double check(const slab *s, int steps, uint64_t *digest) {
	double half = sin(PI / (2 * (s->n + 1)));
	double factor = pow(1 - 12 * RATIO * half * half, steps), worst = 0, error;
	uint64_t sum = 0;
	for (int z = 1; z <= s->count; z++)
		for (int y = 1; y <= s->n; y++)
			for (int x = 1; x <= s->n; x++) {
				double u = s->now[at(s, z, y, x)];
				worst = fmax(worst, fabs(u - factor * initial(s, z, y, x)));
				uint64_t bits, place = ((uint64_t)(s->first + z) * s->n + y) * s->n + x;
				memcpy(&bits, &u, sizeof bits);
				sum += bits * (2 * place + 1); /* modulo 2^64: the order does not matter */
			}
	MPI_Allreduce(&worst, &error, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
	MPI_Allreduce(&sum, digest, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
	return error;
}

/* nodes counts the machines on which processes run. */
static int nodes(void) {
	MPI_Comm here;
	int rank, first, all;
	MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
	MPI_Comm_rank(here, &rank);
	first = rank == 0;
	MPI_Allreduce(&first, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	MPI_Comm_free(&here);
	return all;
}

int main(int argc, char **argv) {
	slab s;
	int rank, size;
	uint64_t digest;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	int n = argc > 1 ? atoi(argv[1]) : 160, steps = argc > 2 ? atoi(argv[2]) : 100;
	if (n < size || n > 2000 || steps < 1) {
		if (rank == 0) fprintf(stderr, "usage: heat [N [STEPS]], with N from the number of processes (%d) to 2000\n", size);
		MPI_Finalize();
		return 2;
	}
	prepare(&s, n);
	MPI_Barrier(MPI_COMM_WORLD);
	double began = MPI_Wtime();
	for (int i = 0; i < steps; i++) step(&s);
	MPI_Barrier(MPI_COMM_WORLD);
	double took = MPI_Wtime() - began, error = check(&s, steps, &digest);
	int machines = nodes();
	if (rank == 0) {
		printf("%d^3 points, %d steps, %d processes on %d nodes\n", n, steps, size, machines);
		printf("seconds %.3f\nerror %.3g\ndigest %016llx\n", took, error, (unsigned long long)digest);
	}
	MPI_Finalize();
	return error < 1e-9 ? 0 : 1;
}
