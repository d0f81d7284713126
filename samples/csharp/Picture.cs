// A picture as a game engine hands it over: 8-bit rows from top to bottom, channels side by side. Here it comes out of a
// PNG file (8 bits a channel, not interlaced; W3C, Portable Network Graphics Specification, 2003), so that the sample
// needs no library; in Unity use Texture2D.GetPixels32().
using System;
using System.IO;
using System.IO.Compression;

public class Picture {
  public int Width, Height, Channels;  // 1: gray, 2: gray and alpha, 3: RGB, 4: RGBA
  public byte[] Pixels;                // Height x Width x Channels

  const int MostPixels = 1 << 26;

  public static Picture FromPng(string path) {
    byte[] file = File.ReadAllBytes(path);
    byte[] signature = { 0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10 };
    for (int i = 0; i < 8; ++i) {
      if (i >= file.Length || file[i] != signature[i]) throw new InvalidDataException(path + ": is no PNG file");
    }
    var picture = new Picture();
    var packed = new MemoryStream();
    for (int at = 8; at + 12 <= file.Length;) {
      long length = Big32(file, at);
      if (length > file.Length - at - 12) throw new InvalidDataException(path + ": ends inside a chunk");
      string kind = System.Text.Encoding.ASCII.GetString(file, at + 4, 4);
      if (kind == "IHDR") picture.ReadHeader(path, file, at + 8, length);
      if (kind == "IDAT") packed.Write(file, at + 8, (int)length);
      if (kind == "IEND") break;
      at += 12 + (int)length;
    }
    if (picture.Width == 0) throw new InvalidDataException(path + ": has no header");
    packed.Position = 2;  // behind the zlib header
    picture.Unfilter(path, new DeflateStream(packed, CompressionMode.Decompress));
    return picture;
  }

  // One channel, as the mean of red, green and blue weighted like ITU-R BT.601 does.
  public byte[] Gray() {
    var gray = new byte[Width * Height];
    for (int i = 0; i < gray.Length; ++i) {
      int at = i * Channels;
      gray[i] = Channels < 3 ? Pixels[at]
                             : (byte)((299 * Pixels[at] + 587 * Pixels[at + 1] + 114 * Pixels[at + 2] + 500) / 1000);
    }
    return gray;
  }

  // Three planes, red, green, blue: NCHW.
  public byte[] Planes() {
    int plane = Width * Height;
    var planes = new byte[3 * plane];
    for (int i = 0; i < plane; ++i) {
      for (int c = 0; c < 3; ++c) planes[c * plane + i] = Pixels[i * Channels + (Channels < 3 ? 0 : c)];
    }
    return planes;
  }

  static long Big32(byte[] b, int at) {
    return ((long)b[at] << 24) | ((long)b[at + 1] << 16) | ((long)b[at + 2] << 8) | b[at + 3];
  }

  void ReadHeader(string path, byte[] file, int at, long length) {
    if (length != 13) throw new InvalidDataException(path + ": header of " + length + " bytes, expected 13");
    long width = Big32(file, at), height = Big32(file, at + 4);
    int[] channels = { 1, 0, 3, 0, 2, 0, 4 };
    int color = file[at + 9];
    if (file[at + 8] != 8 || color > 6 || channels[color] == 0 || file[at + 12] != 0) {
      throw new InvalidDataException(path + ": expected 8 bits a channel, no palette, not interlaced");
    }
    if (width < 1 || height < 1 || width * height > MostPixels) {
      throw new InvalidDataException(path + ": is " + width + " x " + height + ", at most " + MostPixels + " pixels");
    }
    Width = (int)width;
    Height = (int)height;
    Channels = channels[color];
  }

  void Unfilter(string path, Stream rows) {
    int stride = Width * Channels;
    Pixels = new byte[Height * stride];
    for (int y = 0; y < Height; ++y) {
      int filter = rows.ReadByte(), row = y * stride;
      for (int got = 0; got < stride;) {
        int count = rows.Read(Pixels, row + got, stride - got);
        if (count <= 0) throw new InvalidDataException(path + ": ends in row " + y);
        got += count;
      }
      if (filter < 0 || filter > 4) throw new InvalidDataException(path + ": row filter " + filter);
      for (int x = 0; x < stride; ++x) {
        int left = x >= Channels ? Pixels[row + x - Channels] : 0;
        int up = y > 0 ? Pixels[row + x - stride] : 0;
        int corner = x >= Channels && y > 0 ? Pixels[row + x - stride - Channels] : 0;
        Pixels[row + x] += (byte)Predicted(filter, left, up, corner);
      }
    }
  }

  static int Predicted(int filter, int left, int up, int corner) {
    switch (filter) {
      case 1: return left;
      case 2: return up;
      case 3: return (left + up) / 2;
      case 4:
        int p = left + up - corner;
        int a = Math.Abs(p - left), b = Math.Abs(p - up), c = Math.Abs(p - corner);
        return a <= b && a <= c ? left : b <= c ? up : corner;
      default: return 0;
    }
  }
}
