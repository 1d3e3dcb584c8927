/* One pass over the bytes of a JPEG, or over the pixels of a picture. picture_loops.py documents
   both functions. */

#include "arguments.h"

CONVERTER(take_octets, OCTETS, 1, 0)
CONVERTER(take_pixels, OCTETS, ANY_SHAPE, 0)

enum { FILL = 0xFF, TEM = 0x01, SOI = 0xD8, END = 0xD9, SCAN = 0xDA, JPEG_LS = 0xF7 };
enum { DHT = 0xC4, JPG = 0xC8, DAC = 0xCC, APP1 = 0xE1, APP2 = 0xE2 };

/* Fill bytes and markers without a length. */
static int is_bare(unsigned char marker)
{
    return marker == FILL || marker == TEM || (marker >= 0xD0 && marker <= SOI);
}

/* Segments that the caller reads: frames, EXIF, and what is in APP2. */
static int is_interesting(unsigned char marker)
{
    if ((marker & 0xF0) == 0xC0)
        return marker != DHT && marker != JPG && marker != DAC;
    return marker == JPEG_LS || marker == APP1 || marker == APP2;
}

/* Where the marker is that ends entropy-coded data: not a stuffing, restart or fill byte. */
static Py_ssize_t find_marker(const unsigned char *data, Py_ssize_t size, Py_ssize_t at)
{
    while (at < size - 1) {
        const unsigned char *found = memchr(data + at, FILL, (size_t)(size - 1 - at));
        if (!found)
            break;
        unsigned char next = found[1];
        at = found - data;
        if (next && next != FILL && (next & 0xF8) != 0xD0)
            return at;
        at += next == FILL ? 1 : 2;
    }
    return size;
}

static PyObject *skip_segments(PyObject *self, PyObject *arguments)
{
    Py_buffer b;
    Py_ssize_t at, scans = 0;
    unsigned char last = 0;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&", take_octets, &b, take_count, &at))
        return NULL;
    if (at < 0) {
        release(&b, 1);
        PyErr_SetString(PyExc_ValueError, "a segment starts before the data");
        return NULL;
    }
    const unsigned char *data = b.buf;
    Py_ssize_t size = b.len;
    Py_BEGIN_ALLOW_THREADS
    while (at <= size - 4) {
        unsigned char marker = data[at + 1];
        if (data[at] != FILL || !marker || marker == END || is_interesting(marker))
            break;
        if (is_bare(marker)) {
            at += marker == FILL ? 1 : 2;
            continue;
        }
        last = marker;
        at += 2 + (data[at + 2] << 8 | data[at + 3]);
        if (marker == SCAN) {
            scans++;
            at = find_marker(data, size, at);
        }
    }
    Py_END_ALLOW_THREADS
    release(&b, 1);
    return Py_BuildValue("nin", at, (int)last, scans);
}

enum { MAX_CHANNELS = 4, GROUP = 48, GROUPS = 64 };
/* A multiple of 1, 2, 3, 4 and of the bytes of a vector; groups whose squares fit in 32 bits. */

typedef struct {
    unsigned char low[GROUP], high[GROUP];
    uint64_t total, squares;
} Figures;

/* Add 'size' <= GROUP * GROUPS bytes; byte i belongs to place i % GROUP. */
static void add_pixels(Figures *figures, const unsigned char *pixels, Py_ssize_t size)
{
    uint32_t total = 0, squares = 0;
    Py_ssize_t whole = size - size % GROUP;
    for (Py_ssize_t i = 0; i < size; i++) {
        uint32_t value = pixels[i];
        total += value;
        squares += value * value;
    }
    figures->total += total;
    figures->squares += squares;
    unsigned char low[GROUP], high[GROUP];
    memcpy(low, figures->low, GROUP);
    memcpy(high, figures->high, GROUP);
    for (const unsigned char *group = pixels; group < pixels + whole; group += GROUP)
        for (int i = 0; i < GROUP; i++) {
            low[i] = group[i] < low[i] ? group[i] : low[i];
            high[i] = group[i] > high[i] ? group[i] : high[i];
        }
    for (Py_ssize_t i = whole; i < size; i++) {
        unsigned char value = pixels[i], *least = low + i - whole, *most = high + i - whole;
        *least = value < *least ? value : *least;
        *most = value > *most ? value : *most;
    }
    memcpy(figures->low, low, GROUP);
    memcpy(figures->high, high, GROUP);
}

/* The ends of each channel as a tuple of integers. */
static PyObject *as_tuple(const unsigned char *values, Py_ssize_t channels)
{
    PyObject *tuple = PyTuple_New(channels);
    for (Py_ssize_t i = 0; tuple && i < channels; i++) {
        PyObject *number = PyLong_FromLong(values[i]);
        if (!number || PyTuple_SetItem(tuple, i, number)) { /* which takes the number */
            Py_DecRef(tuple);
            return NULL;
        }
    }
    return tuple;
}

static PyObject *measure_pixels(PyObject *self, PyObject *arguments)
{
    Py_buffer b;
    Py_ssize_t channels;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&", take_pixels, &b, take_count, &channels))
        return NULL;
    if (channels < 1 || channels > MAX_CHANNELS || !b.len || b.len % channels) {
        release(&b, 1);
        PyErr_SetString(PyExc_ValueError, "not a whole number of pixels of 1 to 4 channels");
        return NULL;
    }
    Figures figures = {{0}, {0}, 0, 0};
    memset(figures.low, 0xFF, GROUP);
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t at = 0, part; at < b.len; at += part) {
        part = b.len - at < GROUP * GROUPS ? b.len - at : GROUP * GROUPS;
        add_pixels(&figures, (const unsigned char *)b.buf + at, part);
    }
    Py_END_ALLOW_THREADS
    release(&b, 1);
    for (int i = (int)channels; i < GROUP; i++) {
        unsigned char *low = figures.low + i % channels, *high = figures.high + i % channels;
        *low = figures.low[i] < *low ? figures.low[i] : *low;
        *high = figures.high[i] > *high ? figures.high[i] : *high;
    }
    return Py_BuildValue("NNKK", as_tuple(figures.low, channels), as_tuple(figures.high, channels),
                         (unsigned long long)figures.total, (unsigned long long)figures.squares);
}

static PyMethodDef methods[] = {
    {"skip_segments", skip_segments, METH_VARARGS, NULL},
    {"measure_pixels", measure_pixels, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "pictures", NULL, 0, methods,
                                        NULL,                  NULL,       NULL, NULL};

PyMODINIT_FUNC PyInit_pictures(void)
{
    return PyModuleDef_Init(&definition);
}
