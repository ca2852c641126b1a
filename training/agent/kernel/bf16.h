// The layer with products in bfloat16 on AMX tiles; sums, cells and activations are float32.
#pragma once
#include <algorithm>
#include <cstring>

#include "cell.h"
#include "layout.h"
#include "tiles.h"

namespace walkfast::bf16 {

constexpr int64_t kTile = 16 * 32;       // numbers of a tile
constexpr int64_t kGroupRows = 256;      // transitions whose weight gradients are summed in one go
constexpr int64_t kShallow = 320;        // a block's weights stay in the first-level cache
constexpr Number kOne = 0x3f80;

// Sizes filled up to whole tiles.
struct Padded : Shape {
  explicit Padded(const Shape& shape) : Shape(shape) {}
  int64_t rows() const { return up_to(n_rows, 16); }
  int64_t depth() const { return up_to(n_depth() + 1, 32); }  // hidden, inputs, a one, zeros
  int64_t filled() const { return n_time * rows(); }
  int64_t transitions() const { return up_to(filled(), 32); }
};

// Calls work(left tiles, first row) for pieces of so many left tiles, the last perhaps of one.
template <class Work>
INLINE void by_rows(int64_t n_rows, int64_t most_left, Work work) {
  for (int64_t row = 0; row < n_rows; row += most_left * 16)
    work(n_rows - row > 16 ? most_left : 1, row);
}

// Weights of a block as right tiles [depth / 32][gate]; a tile's rows are pairs along the depth.
static void pack_forward(const Padded& size, const Arrays& at, Number* packed) {
  const int64_t H = size.n_units, I = size.n_inputs;
  for (int64_t block = 0; block < size.n_blocks(); ++block)
    for (int64_t deep = 0; deep < size.depth(); deep += 32)
      for (int64_t gate = 0; gate < 4; ++gate, packed += kTile) {
        __m512i rows[16];
        for (int64_t i = 0; i < 16; ++i) {
          const int64_t unit = block * 16 + i, row = gate * H + unit;
          Floats half[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
          for (int64_t part = 0; part < 2 && unit < H; ++part) {
            const int64_t k = deep + part * 16;
            const __mmask16 hidden = first(H - k), inputs = first(H + I - k) & ~hidden;
            half[part] =
                _mm512_mask_loadu_ps(_mm512_maskz_loadu_ps(hidden, at.weights + row * H + k),
                                     inputs, at.input_weights + row * I + k - H);
          }
          rows[i] = (__m512i)_mm512_cvtne2ps_pbh(half[1], half[0]);
        }
        transpose(rows);
        for (int64_t i = 0; i < 16; ++i) _mm512_storeu_si512(packed + i * 32, rows[i]);
      }
}

// Weights as right tiles [64 columns][depth / 32][4]; depth in the order of gate columns.
static void pack_backward(const Shape& shape, const float* weights, int64_t n_columns,
                          Number* packed) {
  const int64_t H = shape.n_units;
  for (int64_t panel = 0; panel < n_columns; panel += 64)
    for (int64_t deep = 0; deep < shape.n_gate_columns(); deep += 32)
      for (int64_t column = panel; column < panel + 64; column += 16) {
        const __mmask16 mask = first(n_columns - column);
        for (int64_t k = deep; k < deep + 32; k += 2, packed += 32) {
          const int64_t unit = k / 64 * 16 + k % 16, gate = k / 16 % 4;
          const float* from = weights + (gate * H + unit) * n_columns + column;
          _mm512_storeu_si512(
              packed, paired(_mm512_maskz_loadu_ps(unit < H ? mask : 0, from),
                             _mm512_maskz_loadu_ps(unit + 1 < H ? mask : 0, from + n_columns)));
        }
      }
}

INLINE Factor packed_tiles(const Number* at) { return {at, 64, 2 * kTile, 8 * kTile}; }

// What the backward pass needs of the forward pass. It turns the gates into their gradients.
struct Kept {
  Number* gates;  // (n_blocks, transitions, 64) half floats; then two transitions side by side
  float* cells;   // (n_blocks, filled, 16)
  Number* seen;   // (transitions, depth): the hidden state before, inputs, one
  int64_t n_bytes;
  Kept(const Shape& shape, void* at) {
    const Padded size(shape);
    Memory memory(at);
    gates = memory.take<Number>(size.n_gate_columns() * size.transitions());
    cells = memory.take<float>(size.n_blocks() * 16 * size.filled());
    seen = memory.take<Number>(size.transitions() * size.depth());
    n_bytes = memory.n_bytes;
  }
};

INLINE void keep(const Gates& gates, Number* to) {
  const auto half = [](Floats x) { return _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT); };
  _mm256_storeu_si256((__m256i*)to, half(gates.in));
  _mm256_storeu_si256((__m256i*)(to + 16), half(gates.forget));
  _mm256_storeu_si256((__m256i*)(to + 32), half(gates.candidate));
  _mm256_storeu_si256((__m256i*)(to + 48), half(gates.out));
}

INLINE Gates kept_gates(const Number* from) {
  const auto wide = [from](int i) {
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)(from + i)));
  };
  return {wide(0), wide(16), wide(32), wide(48)};
}

// Inputs, ones and the first hidden state; `forward` adds the others as it finds them.
static void fill_seen(const Padded& size, const Arrays& at, Number* seen) {
  const int64_t H = size.n_units, I = size.n_inputs, deep = size.depth();
  memset(seen, 0, size.transitions() * deep * sizeof(Number));
  const auto put = [](const float* from, int64_t n, Number* to) {
    for (int64_t k = 0; k < n; k += 16)
      _mm256_mask_storeu_epi16(to + k, first(n - k),
                               rounded(_mm512_maskz_loadu_ps(first(n - k), from + k)));
  };
  for (int64_t time = 0; time < size.n_time; ++time)
    for (int64_t row = 0; row < size.n_rows; ++row) {
      Number* to = seen + (time * size.rows() + row) * deep;
      if (time == 0) put(at.hidden + row * H, H, to);
      const int64_t from = (time * size.n_rows + row) * I;
      if (at.rounded_inputs)
        memcpy(to + H, static_cast<const Number*>(at.inputs) + from, I * sizeof(Number));
      else
        put(static_cast<const float*>(at.inputs) + from, I, to + H);
      to[H + I] = kOne;
    }
}

struct ForwardScratch {
  Number* weights;
  float* biases;
  int64_t n_bytes;
  ForwardScratch(const Shape& shape, void* at) {
    Memory memory(at);
    weights = memory.take<Number>(shape.n_gate_columns() * Padded(shape).depth());
    biases = memory.take<float>(shape.n_gate_columns());
    n_bytes = memory.n_bytes;
  }
};

static void forward(const Shape& shape, const Arrays& at) {
  const Padded size(shape);
  const int64_t H = size.n_units, N = size.n_rows, deep = size.depth(), rows = size.rows();
  const Kept kept(shape, at.kept);
  const ForwardScratch scratch(shape, at.scratch);
  Number* outputs = static_cast<Number*>(at.outputs);
  const Tiles tiles;
  pack_forward(size, at, scratch.weights);
  pack_biases(at.input_biases, at.biases, H, scratch.biases);
  fill_seen(size, at, kept.seen);
  alignas(64) float sums[32 * 64];
  const int64_t most_left = deep > kShallow ? 2 : 1;
  for (int64_t time = 0; time < size.n_time; ++time)
    for (int64_t block = 0; block < size.n_blocks(); ++block) {
      const __mmask16 mask = first(H - block * 16);
      by_rows(N, most_left, [&](int64_t n_left, int64_t row) {
        multiply(n_left, scratch.biases + block * 64, 0,
                 {kept.seen + (time * rows + row) * deep, deep * 2, deep * 32, 64},
                 packed_tiles(scratch.weights + block * deep * 64), deep / 32, sums);
        for (int64_t r = row; r < std::min(row + n_left * 16, N); ++r) {
          float* cell_at = kept.cells + (block * size.filled() + time * rows + r) * 16;
          const Floats before = time ? _mm512_load_ps(cell_at - rows * 16)
                                     : _mm512_maskz_loadu_ps(mask, at.cell + r * H + block * 16);
          const Gates gates = activated(sums + (r - row) * 64);
          const Floats cell = next_cell(gates, before);
          _mm512_store_ps(cell_at, cell);
          keep(gates, kept.gates + (block * size.transitions() + time * rows + r) * 64);
          const __m256i hidden = rounded(_mm512_mul_ps(gates.out, hyperbolic_tangent(cell)));
          _mm256_mask_storeu_epi16(outputs + (time * N + r) * H + block * 16, mask, hidden);
          if (time + 1 < size.n_time)
            _mm256_mask_storeu_epi16(kept.seen + ((time + 1) * rows + r) * deep + block * 16, mask,
                                     hidden);
        }
      });
    }
}

struct BackwardScratch {
  Number *weights, *input_weights, *now, *later;  // packed; gate gradients (rows, n_gate_columns)
  Number* turned;                                 // left tiles of a group of transitions
  float *d_weights, *d_cells;  // (n_blocks, depth, 64), (n_blocks, rows, 16)
  int64_t n_bytes;
  BackwardScratch(const Shape& shape, void* at) {
    const Padded size(shape);
    const int64_t n_gates = size.n_gate_columns();
    Memory memory(at);
    weights = memory.take<Number>(n_gates * up_to(size.n_units, 64));
    input_weights = memory.take<Number>(n_gates * up_to(size.n_inputs, 64));
    now = memory.take<Number>(size.rows() * n_gates);
    later = memory.take<Number>(size.rows() * n_gates);
    turned = memory.take<Number>(kGroupRows * size.depth());
    d_weights = memory.take<float>(n_gates * size.depth());
    d_cells = memory.take<float>(size.n_blocks() * 16 * size.rows());
    n_bytes = memory.n_bytes;
  }
};

class BackwardPass {
 public:
  BackwardPass(const Shape& shape, const Arrays& at)
      : size_(shape), at_(at), kept_(shape, at.kept), scratch_(shape, at.scratch) {
    pack_backward(shape, at.weights, H, scratch_.weights);
    if (at.d_inputs) pack_backward(shape, at.input_weights, I, scratch_.input_weights);
    memset(scratch_.d_cells, 0, sizeof(float) * size_.n_blocks() * 16 * rows_);
    for (int64_t block = 0; block < size_.n_blocks(); ++block)
      memset(kept_.gates + (block * n_all_ + size_.filled()) * 64, 0,
             (n_all_ - size_.filled()) * 64 * sizeof(Number));
  }

  void run() {
    for (int64_t time = size_.n_time - 1; time >= 0; --time) {
      std::swap(scratch_.now, scratch_.later);
      for (int64_t block = 0; block < size_.n_blocks(); block += 4)
        by_rows(N, 2, [&](int64_t n_left, int64_t row) {
          const bool is_last = time + 1 == size_.n_time;
          multiply(n_left, nullptr, 0, gradients(scratch_.later, row),
                   packed_tiles(scratch_.weights + block * 16 * n_gates_),
                   is_last ? 0 : n_gates_ / 32, sums_);
          for (int64_t b = block; b < std::min(block + 4, size_.n_blocks()); ++b)
            for (int64_t r = row; r < row + n_left * 16; r += 2)
              step_back(time, b, r, sums_ + (r - row) * 64 + (b - block) * 16);
        });
      if (at_.d_inputs) find_inputs(time);
    }
    for (int64_t start = 0; start < n_all_; start += kGroupRows)
      add_weights(start, std::min(kGroupRows, n_all_ - start) / 32);
    unpack_columns(scratch_.d_weights, deep_ * 64, H, H, at_.d_weights);
    unpack_columns(scratch_.d_weights + H * 64, deep_ * 64, H, I, at_.d_input_weights);
    unpack_columns(scratch_.d_weights + (H + I) * 64, deep_ * 64, H, 1, at_.d_biases);
  }

 private:
  Factor gradients(const Number* at, int64_t row) const {
    return {at + row * n_gates_, n_gates_ * 2, n_gates_ * 32, 64};
  }

  // Gradients of the gates of 2 rows x 16 units: in place of the gates, and as rows of `now`.
  INLINE_MEMBER void step_back(int64_t time, int64_t block, int64_t row, const float* d_hidden) {
    Floats d_sums[2][4];
    Number* gates_at = kept_.gates + (block * n_all_ + time * rows_ + row) * 64;
    for (int64_t odd = 0; odd < 2; ++odd) {
      const int64_t r = row + odd, unit = r * H + block * 16;
      const __mmask16 mask = r < N ? first(H - block * 16) : 0;
      const float* cell_at = kept_.cells + (block * size_.filled() + time * rows_ + r) * 16;
      float* d_cell = scratch_.d_cells + (block * rows_ + r) * 16;
      const Floats before = time ? _mm512_maskz_load_ps(mask, cell_at - rows_ * 16)
                                 : _mm512_maskz_loadu_ps(mask, at_.cell + unit);
      const Floats d_output =
          _mm512_add_ps(_mm512_load_ps(d_hidden + odd * 64),
                        widened(_mm256_maskz_loadu_epi16(mask, d_outputs_ + time * N * H + unit)));
      const Gradients found =
          through_cell(kept_gates(gates_at + odd * 64), before, _mm512_maskz_load_ps(mask, cell_at),
                       d_output, _mm512_load_ps(d_cell));
      _mm512_store_ps(d_cell, _mm512_maskz_mov_ps(mask, found.cell_before));
      d_sums[odd][0] = _mm512_maskz_mov_ps(mask, found.in);
      d_sums[odd][1] = _mm512_maskz_mov_ps(mask, found.forget);
      d_sums[odd][2] = _mm512_maskz_mov_ps(mask, found.candidate);
      d_sums[odd][3] = _mm512_maskz_mov_ps(mask, found.out);
    }
    for (int gate = 0; gate < 4; ++gate) {
      _mm512_storeu_si512(gates_at + gate * 32, paired(d_sums[0][gate], d_sums[1][gate]));
      for (int64_t odd = 0; odd < 2; ++odd)
        _mm256_storeu_si256(
            (__m256i*)(scratch_.now + (row + odd) * n_gates_ + block * 64 + gate * 16),
            rounded(d_sums[odd][gate]));
    }
  }

  void find_inputs(int64_t time) {
    for (int64_t column = 0; column < I; column += 64)
      by_rows(N, 2, [&](int64_t n_left, int64_t row) {
        multiply(n_left, nullptr, 0, gradients(scratch_.now, row),
                 packed_tiles(scratch_.input_weights + column * n_gates_), n_gates_ / 32, sums_);
        for (int64_t r = row; r < std::min(row + n_left * 16, N); ++r)
          for (int64_t w = column; w < std::min(column + 64, I); w += 16)
            store_inputs((time * N + r) * I + w, first(I - w),
                         _mm512_load_ps(sums_ + (r - row) * 64 + w - column));
      });
  }

  void store_inputs(int64_t place, __mmask16 mask, Floats found) {
    if (at_.rounded_inputs)
      _mm256_mask_storeu_epi16(static_cast<Number*>(at_.d_inputs) + place, mask, rounded(found));
    else
      _mm512_mask_storeu_ps(static_cast<float*>(at_.d_inputs) + place, mask, found);
  }

  // Sums the gradients of weights and biases over `n_steps` x 32 transitions.
  void add_weights(int64_t start, int64_t n_steps) {
    for (int64_t column = 0; column < deep_; column += 32)
      for (int64_t step = 0; step < n_steps; ++step) {
        Number* to = scratch_.turned + (column / 16 * n_steps + step) * kTile;
        transpose_numbers(kept_.seen + (start + step * 32) * deep_ + column, deep_, to,
                          to + n_steps * kTile);
      }
    for (int64_t block = 0; block < size_.n_blocks(); ++block)
      by_rows(size_.n_depth() + 1, 2, [&](int64_t n_left, int64_t column) {
        float* to = scratch_.d_weights + (block * deep_ + column) * 64;
        const Number* turned = scratch_.turned + column / 16 * n_steps * kTile;
        const Number* gates = kept_.gates + (block * n_all_ + start) * 64;
        multiply(n_left, start ? to : nullptr, kSumsBytes,
                 {turned, 64, n_steps * kTile * 2, kTile * 2}, {gates, 256, 64, 4096}, n_steps, to);
      });
  }

  const Padded size_;
  const Arrays at_;
  const Kept kept_;
  BackwardScratch scratch_;
  const Tiles tiles_;
  const int64_t H = size_.n_units, I = size_.n_inputs, N = size_.n_rows;
  const int64_t rows_ = size_.rows(), deep_ = size_.depth(), n_all_ = size_.transitions();
  const int64_t n_gates_ = size_.n_gate_columns();
  const Number* d_outputs_ = static_cast<const Number*>(at_.d_outputs);
  alignas(64) float sums_[32 * 64];
};

}  // namespace walkfast::bf16
