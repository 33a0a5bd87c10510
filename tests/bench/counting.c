/* Switches for callgrind, and a count of the memory blocks that CPython's object allocator gives. */
#include <stddef.h>
#include <valgrind/callgrind.h>

typedef struct {
    void *context;
    void *(*malloc)(void *, size_t);
    void *(*calloc)(void *, size_t, size_t);
    void *(*realloc)(void *, void *, size_t);
    void (*free)(void *, void *);
} Allocator; /* PyMemAllocatorEx, so that Python's headers are not needed */

extern void PyMem_GetAllocator(int, Allocator *);
extern void PyMem_SetAllocator(int, Allocator *);

static Allocator plain[2];
static long blocks;

static void *counted_malloc(void *of, size_t n) { blocks++; return ((Allocator *)of)->malloc(((Allocator *)of)->context, n); }
static void *counted_calloc(void *of, size_t m, size_t n) { blocks++; return ((Allocator *)of)->calloc(((Allocator *)of)->context, m, n); }
static void *counted_realloc(void *of, void *p, size_t n) { blocks++; return ((Allocator *)of)->realloc(((Allocator *)of)->context, p, n); }
static void forward_free(void *of, void *p) { ((Allocator *)of)->free(((Allocator *)of)->context, p); }

void count_blocks(void) {
    for (int domain = 1; domain <= 2; domain++) { /* PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ */
        Allocator *of = &plain[domain - 1];
        PyMem_GetAllocator(domain, of);
        Allocator counted = {of, counted_malloc, counted_calloc, counted_realloc, forward_free};
        PyMem_SetAllocator(domain, &counted);
    }
    blocks = 0;
}

long stop_counting_blocks(void) {
    for (int domain = 1; domain <= 2; domain++) PyMem_SetAllocator(domain, &plain[domain - 1]);
    return blocks;
}

void start_instructions(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void stop_instructions(const char *label) { CALLGRIND_DUMP_STATS_AT(label); CALLGRIND_STOP_INSTRUMENTATION; }
