/*
 * Pi over a parallel virtual machine (PVM): this program starts one more of itself on each host, has each add up a part of the area below
 * 4/(1+x^2) from 0 to 1, and says who has done what.
 *
 *     pi [INTERVALS]
 */
#include <math.h>
#include <pvm3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORK = 1, DONE = 2, NAME = 256 };

static void quit(const char *what) {
	fprintf(stderr, "pi: %s: is there a virtual machine? Type pvm, then conf and quit\n", what);
	pvm_exit();
	exit(1);
}

/* area adds up the intervals from part on, each parts-th. */
static double area(int part, int parts, int intervals) {
	double sum = 0, width = 1.0 / intervals;
	for (int i = part; i < intervals; i += parts) {
		double x = width * (i + 0.5);
		sum += 4 / (1 + x * x);
	}
	return sum * width;
}

static void work(int parent) {
	int job[3]; /* part, parts, intervals */
	char name[NAME] = "";
	if (pvm_recv(parent, WORK) < 0 || pvm_upkint(job, 3, 1) < 0) quit("receive");
	double sum = area(job[0], job[1], job[2]);
	gethostname(name, sizeof name - 1);
	pvm_initsend(PvmDataDefault);
	pvm_pkstr(name);
	pvm_pkdouble(&sum, 1, 1);
	if (pvm_send(parent, DONE) < 0) quit("answer");
}

static double lead(int intervals) {
	struct pvmhostinfo *hosts;
	int parts, architectures;
	if (pvm_config(&parts, &architectures, &hosts) < 0) quit("ask for the hosts");
	int *tasks = calloc(parts, sizeof *tasks);
	for (int i = 0; i < parts; i++) {
		int job[3] = {i, parts, intervals};
		if (pvm_spawn("pi", NULL, PvmTaskHost, hosts[i].hi_name, 1, &tasks[i]) != 1) quit(hosts[i].hi_name);
		pvm_initsend(PvmDataDefault);
		pvm_pkint(job, 3, 1);
		if (pvm_send(tasks[i], WORK) < 0) quit("send");
	}
	double pi = 0, sum;
	char name[NAME];
	for (int i = 0; i < parts; i++) {
		if (pvm_recv(tasks[i], DONE) < 0 || pvm_upkstr(name) < 0 || pvm_upkdouble(&sum, 1, 1) < 0) quit("receive");
		printf("%s has added up %.12f\n", name, sum);
		pi += sum;
	}
	free(tasks);
	return pi;
}

int main(int argc, char **argv) {
	int parent, intervals = argc > 1 ? atoi(argv[1]) : 10000000;
	if (pvm_mytid() < 0) quit("enter");
	parent = pvm_parent();
	if (parent >= 0) {
		work(parent);
		pvm_exit();
		return 0;
	}
	double pi = lead(intervals > 0 ? intervals : 1);
	printf("pi is %.12f, wrong by %.1g\n", pi, fabs(pi - acos(-1)));
	pvm_exit();
	return 0;
}
