/* CRC-32C (Castagnoli), as LevelDB's checksums are.

   Processors have an instruction for it, which takes three cycles and can begin every cycle: three
   parts of the data are processed at once, and their checksums are put together by tables that say
   what as many zero bytes make of a checksum. */

#ifndef DATASCAN_CRC32C_H
#define DATASCAN_CRC32C_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint32_t crc_table[8][256];

static uint32_t crc_by_table(uint32_t crc, const unsigned char *at, size_t size)
{
    for (; size >= 8; at += 8, size -= 8) {
        uint32_t next = 0;
        for (int i = 0; i < 8; i++)
            next ^= crc_table[7 - i][(i < 4 ? crc >> 8 * i & 0xFF : 0) ^ at[i]];
        crc = next;
    }
    while (size--)
        crc = crc >> 8 ^ crc_table[0][(crc ^ *at++) & 0xFF];
    return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
#define CRC_TARGET __attribute__((target("sse4.2")))
#define CRC_OF_WORD __builtin_ia32_crc32di
#define CRC_OF_OCTET __builtin_ia32_crc32qi
#define HAS_CRC __builtin_cpu_supports("sse4.2")
#define CRC_STATE uint64_t
#elif defined(__ARM_FEATURE_CRC32) && defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)
#include <arm_acle.h>
#define CRC_TARGET
#define CRC_OF_WORD __crc32cd
#define CRC_OF_OCTET __crc32cb
#define HAS_CRC 1
#define CRC_STATE uint32_t
#endif

#ifdef CRC_TARGET
#define LONG_STREAM 1024 /* bytes of each of the three parts; both are multiples of 64 */
#define SHORT_STREAM 64
#define AHEAD 6144 /* bytes to fetch ahead: a part is too short for the processor to do it */

/* What LONG_STREAM or SHORT_STREAM zero bytes make of each byte of a checksum. */
static uint32_t after_long[4][256], after_short[4][256];

static void fill_zeros_table(uint32_t table[4][256], size_t zeros)
{
    static const unsigned char none[LONG_STREAM];
    for (int place = 0; place < 4; place++)
        for (int bit = 0; bit < 8; bit++) {
            uint32_t part = crc_by_table((uint32_t)1 << (8 * place + bit), none, zeros);
            for (int octet = 0; octet < 1 << bit; octet++)
                table[place][octet | 1 << bit] = table[place][octet] ^ part;
        }
}

static inline uint32_t after_zeros(uint32_t table[4][256], uint32_t crc)
{
    return table[0][crc & 0xFF] ^ table[1][crc >> 8 & 0xFF] ^ table[2][crc >> 16 & 0xFF] ^
           table[3][crc >> 24];
}

/* Three parts of 'size' bytes each. */
CRC_TARGET static inline uint32_t crc_of_streams(uint32_t crc, const unsigned char *at, size_t size,
                                                 uint32_t table[4][256])
{
    CRC_STATE states[3] = {crc, 0, 0};
    for (size_t i = 0; i < size; i += 8) {
        uint64_t words[3];
        for (size_t part = 0; part < 3; part++) {
            memcpy(&words[part], at + part * size + i, 8);
            /* A hint, which may be about bytes that are not there. */
            if (i % 64 == 0)
                __builtin_prefetch((const void *)((uintptr_t)at + AHEAD + 3 * i + 64 * part));
        }
        for (size_t part = 0; part < 3; part++)
            states[part] = CRC_OF_WORD(states[part], words[part]);
    }
    crc = after_zeros(table, (uint32_t)states[0]) ^ (uint32_t)states[1];
    return after_zeros(table, crc) ^ (uint32_t)states[2];
}

CRC_TARGET static uint32_t crc_by_processor(uint32_t crc, const unsigned char *at, size_t size)
{
    for (; size >= 3 * LONG_STREAM; at += 3 * LONG_STREAM, size -= 3 * LONG_STREAM)
        crc = crc_of_streams(crc, at, LONG_STREAM, after_long);
    for (; size >= 3 * SHORT_STREAM; at += 3 * SHORT_STREAM, size -= 3 * SHORT_STREAM)
        crc = crc_of_streams(crc, at, SHORT_STREAM, after_short);
    CRC_STATE state = crc;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = CRC_OF_WORD(state, word);
    }
    crc = (uint32_t)state;
    while (size--)
        crc = CRC_OF_OCTET(crc, *at++);
    return crc;
}
#endif

static uint32_t (*best_crc)(uint32_t, const unsigned char *, size_t) = crc_by_table;

/* Once, before the first checksum. DATASCAN_SIMD=none in the environment leaves the instruction
   unused, so that the loop without it can be tested. */
static void fill_crc_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
        crc_table[0][i] = crc;
    }
    for (int slice = 1; slice < 8; slice++)
        for (int i = 0; i < 256; i++) {
            uint32_t before = crc_table[slice - 1][i];
            crc_table[slice][i] = before >> 8 ^ crc_table[0][before & 0xFF];
        }
#ifdef CRC_TARGET
    const char *most = getenv("DATASCAN_SIMD");
    fill_zeros_table(after_long, LONG_STREAM);
    fill_zeros_table(after_short, SHORT_STREAM);
    if (!(most && !strcmp(most, "none")) && HAS_CRC)
        best_crc = crc_by_processor;
#endif
}

static uint32_t crc32c(const unsigned char *at, size_t size)
{
    return ~best_crc(~0u, at, size);
}

#endif
