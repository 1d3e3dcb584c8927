/* The inner loops: one pass over the values of each record, and related copies and sums.

   Every function returns the same bits as the function of the same name in fallback.py, which
   documents it. Nothing here allocates more than a row, keeps state, or trusts an offset. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

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

static Py_ssize_t item_bytes(int kind)
{
    return kind == 'B' || kind == 'b' ? 1 : kind == 'd' ? 8 : 4;
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

static void put(int kind, void *column, Py_ssize_t row, double value)
{
    switch (kind) {
    case 'B': ((uint8_t *)column)[row] = (uint8_t)value; break;
    case 'b': ((int8_t *)column)[row] = (int8_t)value; break;
    case 'd': ((double *)column)[row] = value; break;
    default: ((float *)column)[row] = (float)value;
    }
}

enum { SOURCE, OFFSETS, LOW, HIGH, TOTALS, SQUARES, MIXED, SOUND, BUFFERS };

static void release(Py_buffer *buffers, int count)
{
    while (count--)
        PyBuffer_Release(buffers + count);
}

/* Whether all rows are inside the source, and all columns are long enough. */
static int fits(const Py_buffer *b, int kind, Py_ssize_t width, Py_ssize_t stride)
{
    Py_ssize_t count = b[OFFSETS].len / 8, item = item_bytes(kind);
    const int64_t *offsets = b[OFFSETS].buf;
    if (width < 1 || stride < 1 || width > b[SOURCE].len / stride)
        return count == 0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (offsets[i] < 0 || offsets[i] > b[SOURCE].len - width * stride)
            return 0;
    return b[LOW].len >= count * item && b[HIGH].len >= count * item &&
           b[TOTALS].len >= count * 8 && b[SQUARES].len >= count * 8 &&
           b[MIXED].len >= count * 8 && b[SOUND].len >= count;
}

static PyObject *compute_stats(PyObject *self, PyObject *arguments)
{
    Py_buffer b[BUFFERS];
    int kind;
    Py_ssize_t width;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*y*Cnw*w*w*w*w*w*", b, b + 1, &kind, &width, b + 2, b + 3,
                          b + 4, b + 5, b + 6, b + 7))
        return NULL;
    Py_ssize_t stride = kind == 't' ? FLOAT_STRIDE : item_bytes(kind);
    Py_ssize_t nbytes = width * item_bytes(kind);
    Py_ssize_t count = b[OFFSETS].len / 8;
    if (!fits(b, kind, width, stride)) {
        release(b, BUFFERS);
        PyErr_SetString(PyExc_ValueError, "a row is outside of its buffer");
        return NULL;
    }
    /* Rows that are not aligned or contain tags are copied first. */
    void *scratch = PyMem_Malloc((size_t)nbytes + 64);
    if (!scratch) {
        release(b, BUFFERS);
        return PyErr_NoMemory();
    }
    const int64_t *offsets = b[OFFSETS].buf;
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t i = 0; i < count; i++) {
        const unsigned char *at = (const unsigned char *)b[SOURCE].buf + offsets[i];
        const void *row = at;
        unsigned char sound = 1;
        Figures found;
        if (kind == 't') {
            sound = (unsigned char)untag(at, width, scratch);
            row = scratch;
        } else if ((uintptr_t)at % (uintptr_t)stride) {
            memcpy(scratch, at, (size_t)nbytes);
            row = scratch;
        }
        switch (kind) {
        case 'B': unsigned_row(row, width, &found); break;
        case 'b': signed_row(row, width, &found); break;
        case 'd': double_row(row, width, &found); break;
        default: float_row(row, width, &found);
        }
        put(kind, b[LOW].buf, i, found.low);
        put(kind, b[HIGH].buf, i, found.high);
        ((double *)b[TOTALS].buf)[i] = found.total;
        ((double *)b[SQUARES].buf)[i] = found.square;
        ((uint64_t *)b[MIXED].buf)[i] = mix_words(row, nbytes);
        ((unsigned char *)b[SOUND].buf)[i] = sound;
    }
    Py_END_ALLOW_THREADS
    PyMem_Free(scratch);
    release(b, BUFFERS);
    Py_RETURN_NONE;
}

#define LIMBS 68
#define LOW_HALF 0xFFFFFFFFu

/* Adds values to 32-bit limbs, the first of unit 2**-1074; returns whether all are finite. */
static PyObject *add_exactly(PyObject *self, PyObject *arguments)
{
    Py_buffer values, limbs;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*w*", &values, &limbs))
        return NULL;
    int too_short = limbs.len < LIMBS * 8;
    const uint64_t *bits = values.buf;
    int64_t *to = limbs.buf;
    int finite = 1;
    for (Py_ssize_t i = 0; !too_short && i < values.len / 8; i++) {
        uint64_t exponent = bits[i] >> 52 & 0x7FF;
        uint64_t mantissa = bits[i] & 0xFFFFFFFFFFFFF;
        int64_t sign = bits[i] >> 63 ? -1 : 1;
        finite &= exponent != 0x7FF;
        if (exponent) {
            mantissa |= (uint64_t)1 << 52;
            exponent--;
        }
        uint64_t low = (mantissa & LOW_HALF) << (exponent & 31);
        uint64_t high = (mantissa >> 32) << (exponent & 31);
        int64_t *limb = to + (exponent >> 5);
        limb[0] += sign * (int64_t)(low & LOW_HALF);
        limb[1] += sign * (int64_t)((low >> 32) + (high & LOW_HALF));
        limb[2] += sign * (int64_t)(high >> 32);
    }
    PyBuffer_Release(&values);
    PyBuffer_Release(&limbs);
    if (too_short) {
        PyErr_SetString(PyExc_ValueError, "a sum needs 68 limbs");
        return NULL;
    }
    return PyBool_FromLong(finite);
}

/* Copies `width` bytes at each offset to consecutive rows of `out`. */
static PyObject *gather(PyObject *self, PyObject *arguments)
{
    Py_buffer source, offsets, out;
    Py_ssize_t width;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*y*nw*", &source, &offsets, &width, &out))
        return NULL;
    const int64_t *at = offsets.buf;
    Py_ssize_t count = offsets.len / 8, i = 0;
    unsigned char *to = out.buf;
    if (width >= 0 && (!width || count <= out.len / width))
        for (; i < count && at[i] >= 0 && at[i] <= source.len - width; i++, to += width)
            memcpy(to, (const char *)source.buf + at[i], (size_t)width);
    PyBuffer_Release(&source);
    PyBuffer_Release(&offsets);
    PyBuffer_Release(&out);
    if (i < count) {
        PyErr_SetString(PyExc_ValueError, "a row is outside of its buffer");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"compute_stats", compute_stats, METH_VARARGS, NULL},
    {"add_exactly", add_exactly, METH_VARARGS, NULL},
    {"gather", gather, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "kernels", NULL, 0, methods,
                                        NULL,                  NULL,      NULL, NULL};

PyMODINIT_FUNC PyInit_kernels(void)
{
    return PyModuleDef_Init(&definition);
}
