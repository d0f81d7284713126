// Part of main() of conv_tile.glsl: place (ky, kx) of the window, all blocks of input channels.
#if defined(CONV_TRANSPOSED)
    // Shifted by whole strides to stay positive.
    const uint hit_y = oy + pad_top + (kernel_h * stride_h - ky) * dilation_h;
    const int iy = int(hit_y / stride_h) - int(kernel_h * dilation_h);
    const uint hit_x = phase + pad_left + (kernel_w * stride_w - kx) * dilation_w;
    const int ix = int(hit_x / stride_w) - int(kernel_w * dilation_w) + int(first);
    const bool inside = hit_y % stride_h == 0u && iy >= 0 && iy < p.in_h && hit_x % stride_w == 0u;
#else
    const int iy = int(oy * stride_h + ky * dilation_h) - int(pad_top);
    const int ix = int(ox * stride_w + kx * dilation_w) - int(pad_left);
    const bool inside = iy >= 0 && iy < p.in_h;
#endif
#if defined(CONV_TAPS)
    const uint row = x_first + x_block_at + uint(clamp(iy, 0, p.in_h - 1)) * p.x_row;
#else
    const uint row = x_first + uint(clamp(iy, 0, p.in_h - 1)) * p.x_row;
#endif
#if defined(CONV_TRANSPOSED) && !defined(W_i4)
    if (!inside && fill == 0u) {
      w_tap += p.in_blocks * CONV_BLOCK;
    } else
#endif
    {
      uint x_at[8];
      uint keep[8];
      EACH_X(PLACE_X)
#if defined(CONV_FLAT_STEP)
      STEP_ALL
#else
      if (!COUNTED) {
#if defined(CONV_CHUNKED)
        if (CHUNK_A_TAP) {
          EACH_O(CLEAR_O)
          CLEAR_OFFSETS
        }
#endif
#if defined(CONV_TAPS)
        if (ONE_BLOCK || FLAT) {
          STEP_ALL
        } else
#endif
        {
          for (uint i = 0u; i < p.in_blocks; ++i) STEP_ALL
        }
#if defined(CONV_CHUNKED)
        if (CHUNK_A_TAP) {
          EACH_O(CLOSE_O)
        }
#endif
      }
#if defined(CONV_CHUNKED)
      else {
#if defined(CONV_LANES)
        for (uint i = 0u; i < p.in_blocks;) {
          const uint end = min(p.in_blocks, i + CHUNK_STEPS);
          EACH_O(CLEAR_O)
          CLEAR_OFFSETS
          for (; i < end; ++i) STEP_ALL
          EACH_O(CLOSE_O)
        }
#else
        for (uint i = 0u; i < p.in_blocks;) {
          const uint end = min(p.in_blocks, i + room);
          room -= end - i;
          for (; i < end; ++i) STEP_ALL
          if (room == 0u) {
            EACH_O(CLOSE_O)
            CLEAR_OFFSETS
            room = CHUNK_STEPS;
            ++group_index;
          }
        }
#endif
      }
#endif
#endif
    }
