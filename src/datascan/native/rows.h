/* Rows of values: what one pass over them finds, and the widest instructions that do it.

   kernels.c and records.c share it. Every function returns the same bits as fallback.py. */

#ifndef DATASCAN_ROWS_H
#define DATASCAN_ROWS_H

#include "arguments.h"

#include <stdlib.h>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_CPU __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_CPU
#endif

#define LANES 16
#define WORDS 8
#define SHIFT 29
#define FACTOR 0x9E3779B97F4A7C15u
#define SEGMENT 65536 /* the squares of this many 8-bit values fit into 32 bits */
#define FLOAT_TAG 0x35
#define FLOAT_STRIDE 5

typedef float Floats __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t FloatMask __attribute__((vector_size(32)));
typedef float FewFloats __attribute__((vector_size(16), aligned(4), may_alias));
typedef double Doubles __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t DoubleMask __attribute__((vector_size(32)));

#define PICK(Mask, m, a, b) (((m) & (Mask)(a)) | (~(m) & (Mask)(b)))

/* Reduces sixteen sums to one by halving: 0 with 8, then 0 with 4, ... as fallback.py does. */
static double sum_lanes(const double *lanes)
{
    double left[LANES];
    memcpy(left, lanes, sizeof left);
    for (int width = LANES / 2; width; width /= 2)
        for (int i = 0; i < width; i++)
            left[i] += left[i + width];
    return left[0];
}

typedef struct {
    double low, high, total, square;
} Figures;

#define FLOAT_ROW(NAME, TYPE)                                                     \
    static void NAME##_ends(const TYPE *row, Py_ssize_t width, TYPE *lows,        \
                            TYPE *highs, double *totals, double *squares,         \
                            Figures *found)                                       \
    {                                                                             \
        Py_ssize_t rest = width % LANES;                                          \
        for (Py_ssize_t i = 0; i < rest; i++) {                                   \
            TYPE x = row[width - rest + i];                                       \
            if (x < lows[i]) lows[i] = x;                                         \
            if (x > highs[i]) highs[i] = x;                                       \
            totals[i] += (double)x;                                               \
            squares[i] += (double)x * (double)x;                                  \
        }                                                                         \
        TYPE low = lows[0], high = highs[0];                                      \
        for (int i = 1; i < LANES; i++) {                                         \
            if (lows[i] < low) low = lows[i];                                     \
            if (highs[i] > high) high = highs[i];                                 \
        }                                                                         \
        found->low = low;                                                         \
        found->high = high;                                                       \
        found->total = sum_lanes(totals);                                         \
        found->square = sum_lanes(squares);                                       \
        if (found->total != found->total) /* a NaN, or Inf and -Inf */            \
            for (Py_ssize_t i = 0; i < width; i++)                                \
                if (row[i] != row[i]) {                                           \
                    found->low = found->high = (double)row[i];                    \
                    break;                                                        \
                }                                                                 \
    }

FLOAT_ROW(float_row, float)
FLOAT_ROW(double_row, double)

/* Rows shorter than the lanes, most of which stay zero: adding those changes nothing, so only as
   many are reduced as hold values. `LANES` bounds the loops for the compiler. */
#define NARROW_ROW(NAME, TYPE)                                                    \
    static void NAME(const TYPE *row, Py_ssize_t width, Figures *found)           \
    {                                                                             \
        double totals[LANES], squares[LANES];                                     \
        TYPE low = (TYPE)__builtin_inf(), high = (TYPE)-__builtin_inf();          \
        int count = (int)width, half = 1;                                         \
        for (int i = 0; i < count; i++) {                                         \
            TYPE x = row[i];                                                      \
            low = x < low ? x : low;                                              \
            high = x > high ? x : high;                                           \
            totals[i] = 0 + (double)x;                                            \
            squares[i] = (double)x * (double)x;                                   \
        }                                                                         \
        while (2 * half < count)                                                  \
            half *= 2;                                                            \
        for (; half; half /= 2) {                                                 \
            for (int i = 0; i + half < count; i++) {                              \
                totals[i] += totals[i + half];                                    \
                squares[i] += squares[i + half];                                  \
            }                                                                     \
            count = half;                                                         \
        }                                                                         \
        *found = (Figures){low, high, totals[0], squares[0]};                     \
        if (totals[0] != totals[0])                                               \
            for (Py_ssize_t i = 0; i < width; i++)                                \
                if (row[i] != row[i]) {                                           \
                    found->low = found->high = (double)row[i];                    \
                    break;                                                        \
                }                                                                 \
    }

NARROW_ROW(narrow_float_row, float)
NARROW_ROW(narrow_double_row, double)

FOR_EACH_CPU
static void float_row(const float *row, Py_ssize_t width, Figures *found)
{
    Floats low[2] = {{0}, {0}}, high[2] = {{0}, {0}};
    Doubles totals[4] = {{0}, {0}, {0}, {0}}, squares[4] = {{0}, {0}, {0}, {0}};
    for (int i = 0; i < 2; i++) {
        low[i] = low[i] + __builtin_inff();
        high[i] = high[i] - __builtin_inff();
    }
    for (Py_ssize_t at = 0; at + LANES <= width; at += LANES) {
        for (int i = 0; i < 2; i++) {
            Floats x = *(const Floats *)(row + at + 8 * i);
            low[i] = (Floats)PICK(FloatMask, x < low[i], x, low[i]);
            high[i] = (Floats)PICK(FloatMask, x > high[i], x, high[i]);
        }
        for (int i = 0; i < 4; i++) {
            Doubles x = __builtin_convertvector(*(const FewFloats *)(row + at + 4 * i), Doubles);
            totals[i] += x;
            squares[i] += x * x;
        }
    }
    float_row_ends(row, width, (float *)low, (float *)high, (double *)totals, (double *)squares,
                   found);
}

FOR_EACH_CPU
static void double_row(const double *row, Py_ssize_t width, Figures *found)
{
    Doubles low[4] = {{0}, {0}, {0}, {0}}, high[4] = {{0}, {0}, {0}, {0}};
    Doubles totals[4] = {{0}, {0}, {0}, {0}}, squares[4] = {{0}, {0}, {0}, {0}};
    for (int i = 0; i < 4; i++) {
        low[i] = low[i] + __builtin_inf();
        high[i] = high[i] - __builtin_inf();
    }
    for (Py_ssize_t at = 0; at + LANES <= width; at += LANES)
        for (int i = 0; i < 4; i++) {
            Doubles x = *(const Doubles *)(row + at + 4 * i);
            low[i] = (Doubles)PICK(DoubleMask, x < low[i], x, low[i]);
            high[i] = (Doubles)PICK(DoubleMask, x > high[i], x, high[i]);
            totals[i] += x;
            squares[i] += x * x;
        }
    double_row_ends(row, width, (double *)low, (double *)high, (double *)totals,
                    (double *)squares, found);
}

#define OCTET_ROW(NAME, TYPE, SUM)                                                \
    FOR_EACH_CPU                                                                  \
    static void NAME(const TYPE *row, Py_ssize_t width, Figures *found)           \
    {                                                                             \
        TYPE low = row[0], high = row[0];                                         \
        double total = 0, square = 0;                                             \
        for (Py_ssize_t at = 0; at < width; at += SEGMENT) {                      \
            Py_ssize_t end = width - at < SEGMENT ? width : at + SEGMENT;         \
            SUM sum = 0;                                                          \
            uint32_t squares = 0;                                                 \
            for (Py_ssize_t i = at; i < end; i++) {                               \
                low = row[i] < low ? row[i] : low;                                \
                high = row[i] > high ? row[i] : high;                             \
            }                                                                     \
            for (Py_ssize_t i = at; i < end; i++) {                               \
                int16_t x = row[i];                                               \
                sum += x;                                                         \
                squares += (uint32_t)((int32_t)x * x);                            \
            }                                                                     \
            total += (double)sum;                                                 \
            square += (double)squares;                                            \
        }                                                                         \
        *found = (Figures){low, high, total, square};                             \
    }

OCTET_ROW(unsigned_row, uint8_t, uint32_t)
OCTET_ROW(signed_row, int8_t, int32_t)

/* Copies floats that are each preceded by a tag byte; returns whether all tags are valid. */
static int untag(const unsigned char *from, Py_ssize_t width, float *to)
{
    unsigned char wrong = 0;
    for (Py_ssize_t i = 0; i < width; i++, from += FLOAT_STRIDE) {
        wrong |= from[0] ^ FLOAT_TAG;
        memcpy(to + i, from + 1, 4);
    }
    return !wrong;
}

#if defined(__x86_64__) && (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9))
#define IS_X86 1
#include "rows_x86.h"
#else
#define IS_X86 0
#endif

/* What measures rows on this processor. It is chosen once, when the module is loaded. */
static struct {
    void (*unsigned_row)(const uint8_t *, Py_ssize_t, Figures *);
    void (*float_row)(const float *, Py_ssize_t, Figures *);
    int (*untag)(const unsigned char *, Py_ssize_t, float *);
} best = {unsigned_row, float_row, untag};

/* Chooses the widest instructions that the processor has, and at most those that the variable
   DATASCAN_SIMD of the environment names (none, avx2 or avx512), so that each can be tested. */
static void choose_rows(void)
{
#if IS_X86
    const char *most = getenv("DATASCAN_SIMD");
    __builtin_cpu_init();
    if ((most && !strcmp(most, "none")) || !__builtin_cpu_supports("avx2"))
        return;
    best.unsigned_row = unsigned_row_avx2;
    best.float_row = float_row_avx2;
    best.untag = untag_avx2;
    if ((most && !strcmp(most, "avx2")) || !__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512vnni"))
        return;
    best.unsigned_row = unsigned_row_avx512;
    best.float_row = float_row_avx512;
#endif
}

/* Hashes evenly spaced words of a row. */
static uint64_t mix_words(const unsigned char *row, Py_ssize_t nbytes)
{
    Py_ssize_t stride = nbytes < 8 ? 0 : (nbytes - 8) / (WORDS - 1);
    uint64_t factor = FACTOR, mixed = 0;
    for (int i = 0; i < (stride ? WORDS : 1); i++, factor *= FACTOR) {
        uint64_t word = 0;
        memcpy(&word, row + i * stride, nbytes < 8 ? (size_t)nbytes : 8);
        mixed += (word ^ word >> SHIFT) * factor;
    }
    return mixed;
}

static void put(char type, void *column, Py_ssize_t row, double value)
{
    float narrow = (float)value;
    switch (type) {
    case 'B': ((uint8_t *)column)[row] = (uint8_t)value; break;
    case 'b': ((int8_t *)column)[row] = (int8_t)value; break;
    case 'd': memcpy((char *)column + 8 * row, &value, 8); break;
    default: memcpy((char *)column + 4 * row, &narrow, 4);
    }
}

/* The item type of the values of a kind. */
static inline char type_of(int kind)
{
    return kind == 't' ? 'f' : (char)kind;
}

/* The bytes of a value: in memory, and in its row. */
static inline Py_ssize_t item_of(int kind)
{
    return kind == 'B' || kind == 'b' ? 1 : kind == 'd' ? 8 : 4;
}

static inline Py_ssize_t stride_of(int kind)
{
    return kind == 't' ? FLOAT_STRIDE : item_of(kind);
}

/* Measures the row at `at`, and writes to item `i` of five columns: low, high, totals, squares and
   mixed. Returns whether all of its tags are valid. `scratch` can hold the values of a row. */
static inline int measure_row(const unsigned char *at, int kind, Py_ssize_t width, void *scratch,
                              const Py_buffer *columns, Py_ssize_t i)
{
    char type = type_of(kind);
    Py_ssize_t item = item_of(kind);
    const void *row = at;
    int sound = 1;
    Figures found;
    if (kind == 't') {
        sound = best.untag(at, width, scratch);
        row = scratch;
    } else if ((uintptr_t)at & (uintptr_t)(item - 1)) {
        memcpy(scratch, at, (size_t)(width * item));
        row = scratch;
    }
    switch (type) {
    case 'B': best.unsigned_row(row, width, &found); break;
    case 'b': signed_row(row, width, &found); break;
    case 'd': (width < LANES ? narrow_double_row : double_row)(row, width, &found); break;
    default: (width < LANES ? narrow_float_row : best.float_row)(row, width, &found);
    }
    put(type, columns[0].buf, i, found.low);
    put(type, columns[1].buf, i, found.high);
    put('d', columns[2].buf, i, found.total);
    put('d', columns[3].buf, i, found.square);
    store_int(columns[4].buf, i, (int64_t)mix_words(row, width * item));
    return sound;
}

/* Writes zeros in place of what measure_row finds. */
static inline void clear_row(int kind, const Py_buffer *columns, Py_ssize_t i)
{
    put(type_of(kind), columns[0].buf, i, 0);
    put(type_of(kind), columns[1].buf, i, 0);
    put('d', columns[2].buf, i, 0);
    put('d', columns[3].buf, i, 0);
    store_int(columns[4].buf, i, 0);
}

#endif
