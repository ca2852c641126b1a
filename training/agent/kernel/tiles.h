// AMX tiles: products of bfloat16 with float32 sums, 16 x 16 a tile. The layer is in bf16.h.
#pragma once
#include "vector_math.h"

namespace walkfast::bf16 {

using Number = uint16_t;  // the bits of a bfloat16, or of a half float where said

// Own assembly: the compiler's intrinsics do not say that they read memory.
#define TILE_CLEAR(tile) __asm__ volatile("tilezero %%tmm" #tile ::: "memory")
#define TILE_LOAD(tile, from, row_bytes) \
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(from), "r"(int64_t(row_bytes)) : "memory")
#define TILE_STORE(tile, to, row_bytes) \
  __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(to), "r"(int64_t(row_bytes)) : "memory")
#define TILE_MULTIPLY(sums, left, right) \
  __asm__ volatile("tdpbf16ps %%tmm" #right ", %%tmm" #left ", %%tmm" #sums ::: "memory")

// Eight tiles of 16 rows of 64 bytes; the configuration from before comes back at the end.
class Tiles {
 public:
  Tiles() {
    __asm__ volatile("sttilecfg (%0)" ::"r"(before_) : "memory");
    alignas(64) uint8_t config[64] = {1};
    for (int tile = 0; tile < 8; ++tile) config[16 + 2 * tile] = 64, config[48 + tile] = 16;
    __asm__ volatile("ldtilecfg (%0)" ::"r"(config) : "memory");
  }
  ~Tiles() {
    if (before_[0])
      __asm__ volatile("ldtilecfg (%0)" ::"r"(before_) : "memory");
    else
      __asm__ volatile("tilerelease" ::: "memory");
  }

 private:
  alignas(64) uint8_t before_[64] = {};
};

// Where tiles of a factor lie: bytes from row to row, tile to tile, and along the depth.
struct Factor {
  const void* at;
  int64_t row_bytes, tile_bytes, depth_bytes;
  const char* tile(int64_t index, int64_t k) const {
    return static_cast<const char*>(at) + index * tile_bytes + k * depth_bytes;
  }
};

constexpr int64_t kSumsBytes = 256;  // a row of 64 sums

// to (16, 64) = from + 1 left tile x 4 right tiles over `depth` steps of 32; no `from` is zeros.
INLINE void multiply_16(const float* from, int64_t from_bytes, const Factor& left,
                        const Factor& right, int64_t depth, float* to) {
  if (from) {
    TILE_LOAD(0, from, from_bytes);
    TILE_LOAD(1, from + 16, from_bytes);
    TILE_LOAD(2, from + 32, from_bytes);
    TILE_LOAD(3, from + 48, from_bytes);
  } else {
    TILE_CLEAR(0);
    TILE_CLEAR(1);
    TILE_CLEAR(2);
    TILE_CLEAR(3);
  }
  for (int64_t k = 0; k < depth; ++k) {
    TILE_LOAD(4, left.tile(0, k), left.row_bytes);
    TILE_LOAD(5, right.tile(0, k), right.row_bytes);
    TILE_MULTIPLY(0, 4, 5);
    TILE_LOAD(6, right.tile(1, k), right.row_bytes);
    TILE_MULTIPLY(1, 4, 6);
    TILE_LOAD(7, right.tile(2, k), right.row_bytes);
    TILE_MULTIPLY(2, 4, 7);
    TILE_LOAD(5, right.tile(3, k), right.row_bytes);
    TILE_MULTIPLY(3, 4, 5);
  }
  TILE_STORE(0, to, kSumsBytes);
  TILE_STORE(1, to + 16, kSumsBytes);
  TILE_STORE(2, to + 32, kSumsBytes);
  TILE_STORE(3, to + 48, kSumsBytes);
}

// The same for 2 left tiles, to (32, 64): each right tile is read once for both.
INLINE void multiply_32(const float* from, int64_t from_bytes, const Factor& left,
                        const Factor& right, int64_t depth, float* to) {
  for (int64_t half = 0; half < 2; ++half, to += 32) {
    if (from) {
      const float* below = from + 16 * from_bytes / int64_t(sizeof(float));
      TILE_LOAD(0, from + half * 32, from_bytes);
      TILE_LOAD(1, from + half * 32 + 16, from_bytes);
      TILE_LOAD(2, below + half * 32, from_bytes);
      TILE_LOAD(3, below + half * 32 + 16, from_bytes);
    } else {
      TILE_CLEAR(0);
      TILE_CLEAR(1);
      TILE_CLEAR(2);
      TILE_CLEAR(3);
    }
    for (int64_t k = 0; k < depth; ++k) {
      TILE_LOAD(4, left.tile(0, k), left.row_bytes);
      TILE_LOAD(6, right.tile(2 * half, k), right.row_bytes);
      TILE_MULTIPLY(0, 4, 6);
      TILE_LOAD(7, right.tile(2 * half + 1, k), right.row_bytes);
      TILE_MULTIPLY(1, 4, 7);
      TILE_LOAD(5, left.tile(1, k), left.row_bytes);
      TILE_MULTIPLY(2, 5, 6);
      TILE_MULTIPLY(3, 5, 7);
    }
    TILE_STORE(0, to, kSumsBytes);
    TILE_STORE(1, to + 16, kSumsBytes);
    TILE_STORE(2, to + 16 * 64, kSumsBytes);
    TILE_STORE(3, to + 16 * 64 + 16, kSumsBytes);
  }
}

INLINE void multiply(int64_t n_left, const float* from, int64_t from_bytes, const Factor& left,
                     const Factor& right, int64_t depth, float* to) {
  if (n_left == 2)
    multiply_32(from, from_bytes, left, right, depth, to);
  else
    multiply_16(from, from_bytes, left, right, depth, to);
}

INLINE __m256i rounded(Floats x) { return (__m256i)_mm512_cvtneps_pbh(x); }

INLINE Floats widened(__m256i x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

// Rounded, and side by side: even 0, odd 0, even 1, ... as right tiles want two steps of depth.
INLINE __m512i paired(Floats even, Floats odd) {
  const __m512i order =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                       21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

// 32 rows of 32 numbers into columns: two left tiles of 16 rows.
INLINE void transpose_numbers(const Number* from, int64_t n_columns, Number* tile, Number* next) {
  __m512i even[16], odd[16];
  const __m512i low = _mm512_set1_epi32(0xffff);
  for (int i = 0; i < 16; ++i) {
    const __m512i upper = _mm512_loadu_si512(from + 2 * i * n_columns);
    const __m512i lower = _mm512_loadu_si512(from + (2 * i + 1) * n_columns);
    even[i] = _mm512_or_si512(_mm512_and_si512(upper, low), _mm512_slli_epi32(lower, 16));
    odd[i] = _mm512_or_si512(_mm512_srli_epi32(upper, 16), _mm512_andnot_si512(low, lower));
  }
  transpose(even);
  transpose(odd);
  for (int i = 0; i < 8; ++i) {
    _mm512_storeu_si512(tile + 64 * i, even[i]);
    _mm512_storeu_si512(tile + 64 * i + 32, odd[i]);
    _mm512_storeu_si512(next + 64 * i, even[i + 8]);
    _mm512_storeu_si512(next + 64 * i + 32, odd[i + 8]);
  }
}

}  // namespace walkfast::bf16
