// The engine from C# (.NET, Mono, Unity): P/Invoke on the C API (engine/include/nibble/nibble_c.h).
//
//   using (var device = new Nibble.Device())
//   using (var model = new Nibble.Model("mobilenet_v2.nbl"))
//   using (var session = new Nibble.Session(device, model)) {
//     session.Write("input", image);
//     session.Run();
//     session.Read("output", scores);
//   }
//
// The shared library is found where the runtime looks for "nibble": libnibble.so beside the program or in
// LD_LIBRARY_PATH, nibble.dll beside the program; in Unity under Assets/Plugins.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Nibble {

// nbl_type
public enum ElementType { F32 = 0, F16 = 1, I8 = 2, U8 = 3, I4 = 4, I32 = 5, I64 = 6, Boolean = 7 }

// What a call of the library complained of; Code is nbl_code.
public class NibbleException : Exception {
  public readonly int Code;
  public NibbleException(int code, string message) : base(message) { Code = code; }
}

// Name, type and shape of an input or output, copied out of the library.
public class Tensor {
  public readonly string Name;
  public readonly ElementType Type;
  public readonly long[] Shape;
  public readonly int Elements;

  internal Tensor(Native.TensorInfo info) {
    Name = Native.Text(info.Name);
    Type = (ElementType)info.Type;
    Shape = new long[info.Rank];
    if (info.Rank > 0) Marshal.Copy(info.Shape, Shape, 0, (int)info.Rank);
    Elements = checked((int)info.Elements);
  }
}

// A Vulkan device: an index or a part of a name, or the best one.
public sealed class Device : IDisposable {
  internal readonly Native.DeviceHandle Handle;

  public Device(string select = null, string pipelineCache = null) {
    using (var selected = new Native.Utf8(select))
    using (var cache = new Native.Utf8(pipelineCache)) {
      var options = new Native.DeviceOptions {
        StructSize = (uint)Marshal.SizeOf(typeof(Native.DeviceOptions)),
        Select = selected.Pointer,
        PipelineCache = cache.Pointer
      };
      Native.Check(Native.nbl_device_open(ref options, out Handle));
    }
  }

  public string Name { get { return Native.Text(Native.nbl_device_name(Handle)); } }
  public void Dispose() { Handle.Dispose(); }
}

// A network, from a .nbl file or from its bytes (in Unity: TextAsset.bytes).
public sealed class Model : IDisposable {
  internal readonly Native.ModelHandle Handle;

  public Model(string path) {
    using (var text = new Native.Utf8(path)) Native.Check(Native.nbl_model_load_file(text.Pointer, out Handle));
  }

  public Model(byte[] bytes) {
    Native.Check(Native.nbl_model_load_memory(bytes, (UIntPtr)bytes.Length, out Handle));
  }

  // Preprocessing, class names and what else the converter noted; null when there is no such key.
  public string Metadata(string key) {
    using (var text = new Native.Utf8(key)) return Native.Text(Native.nbl_model_metadata(Handle, text.Pointer));
  }

  public void Dispose() { Handle.Dispose(); }
}

// Runs a model on a device. Belongs to one thread at a time. Write and Read take arrays of the element that the tensor's
// type has, row-major, of exactly its number of elements; `name` may be null where there is one input or output.
public sealed class Session : IDisposable {
  private readonly Native.SessionHandle handle;
  public readonly IList<Tensor> Inputs, Outputs;

  public Session(Device device, Model model) {
    Native.Check(Native.nbl_session_create(device.Handle, model.Handle, IntPtr.Zero, out handle));
    Inputs = Tensors(Native.nbl_session_input_count(handle), Native.nbl_session_input);
    Outputs = Tensors(Native.nbl_session_output_count(handle), Native.nbl_session_output);
  }

  public void Write(string name, float[] values) { Write(name, ElementType.F32, values); }
  public void Write(string name, byte[] values) { Write(name, ElementType.U8, values); }
  public void Write(string name, sbyte[] values) { Write(name, ElementType.I8, values); }
  public void Read(string name, float[] values) { Read(name, ElementType.F32, values); }
  public void Read(string name, byte[] values) { Read(name, ElementType.U8, values); }
  public void Read(string name, sbyte[] values) { Read(name, ElementType.I8, values); }
  public void Read(string name, int[] values) { Read(name, ElementType.I32, values); }
  public void Read(string name, long[] values) { Read(name, ElementType.I64, values); }

  // Runs and waits.
  public void Run() { Native.Check(Native.nbl_session_run(handle)); }

  // Starts a run, and tells whether it is done: a game asks once a frame.
  public void Submit() { Native.Check(Native.nbl_session_submit(handle)); }
  public bool Done() {
    int done;
    Native.Check(Native.nbl_session_wait(handle, 0, out done));
    return done != 0;
  }

  public void Dispose() { handle.Dispose(); }

  private void Write(string name, ElementType type, Array values) {
    using (var text = new Native.Utf8(name))
    using (var pinned = new Native.Pinned(values)) {
      Native.Check(Native.nbl_session_write(handle, text.Pointer, (int)type, pinned.Pointer, (UIntPtr)values.Length));
    }
  }

  private void Read(string name, ElementType type, Array values) {
    using (var text = new Native.Utf8(name))
    using (var pinned = new Native.Pinned(values)) {
      Native.Check(Native.nbl_session_read(handle, text.Pointer, (int)type, pinned.Pointer, (UIntPtr)values.Length));
    }
  }

  private delegate IntPtr GetTensor(Native.SessionHandle session, UIntPtr index, ref Native.TensorInfo info);

  private IList<Tensor> Tensors(UIntPtr count, GetTensor get) {
    var tensors = new List<Tensor>();
    for (ulong i = 0; i < (ulong)count; ++i) {
      var info = new Native.TensorInfo { StructSize = (uint)Marshal.SizeOf(typeof(Native.TensorInfo)) };
      Native.Check(get(handle, (UIntPtr)i, ref info));
      tensors.Add(new Tensor(info));
    }
    return tensors;
  }
}

public static class Library {
  public static string Version { get { return Native.Text(Native.nbl_version()); } }
}

// The functions as they are; structures in the layout of nibble_c.h.
internal static class Native {
  const string Lib = "nibble";

  // Handles give back what they hold when they are disposed or, at last, collected.
  internal abstract class Handle : SafeHandle {
    protected Handle() : base(IntPtr.Zero, true) {}
    public override bool IsInvalid { get { return handle == IntPtr.Zero; } }
  }
  internal sealed class DeviceHandle : Handle {
    protected override bool ReleaseHandle() { nbl_device_close(handle); return true; }
  }
  internal sealed class ModelHandle : Handle {
    protected override bool ReleaseHandle() { nbl_model_free(handle); return true; }
  }
  internal sealed class SessionHandle : Handle {
    protected override bool ReleaseHandle() { nbl_session_free(handle); return true; }
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct DeviceOptions {
    public uint StructSize;
    public int Validation;
    public IntPtr Select, PipelineCache, Mask;
  }

  [StructLayout(LayoutKind.Sequential)]
  internal struct TensorInfo {
    public uint StructSize;
    public int Type;
    public IntPtr Name, Shape;
    public uint Rank;
    public int Quantized;
    public float Scale;
    public int ZeroPoint;
    public ulong Elements, Bytes;
  }

  // A string as the library takes it: UTF-8, ended by a zero; null stays null.
  internal sealed class Utf8 : IDisposable {
    public readonly IntPtr Pointer;
    public Utf8(string text) {
      if (text == null) return;
      byte[] bytes = Encoding.UTF8.GetBytes(text);
      Pointer = Marshal.AllocHGlobal(bytes.Length + 1);
      Marshal.Copy(bytes, 0, Pointer, bytes.Length);
      Marshal.WriteByte(Pointer, bytes.Length, 0);
    }
    public void Dispose() { Marshal.FreeHGlobal(Pointer); }
  }

  internal sealed class Pinned : IDisposable {
    private GCHandle handle;
    public Pinned(Array values) { handle = GCHandle.Alloc(values, GCHandleType.Pinned); }
    public IntPtr Pointer { get { return handle.AddrOfPinnedObject(); } }
    public void Dispose() { handle.Free(); }
  }

  internal static string Text(IntPtr utf8) {
    if (utf8 == IntPtr.Zero) return null;
    int length = 0;
    while (Marshal.ReadByte(utf8, length) != 0) ++length;
    var bytes = new byte[length];
    Marshal.Copy(utf8, bytes, 0, length);
    return Encoding.UTF8.GetString(bytes);
  }

  internal static void Check(IntPtr error) {
    if (error == IntPtr.Zero) return;
    var exception = new NibbleException(nbl_error_code(error), Text(nbl_error_message(error)));
    nbl_error_free(error);
    throw exception;
  }

  [DllImport(Lib)] internal static extern IntPtr nbl_version();
  [DllImport(Lib)] internal static extern int nbl_error_code(IntPtr error);
  [DllImport(Lib)] internal static extern IntPtr nbl_error_message(IntPtr error);
  [DllImport(Lib)] internal static extern void nbl_error_free(IntPtr error);
  [DllImport(Lib)] internal static extern IntPtr nbl_device_open(ref DeviceOptions options, out DeviceHandle device);
  [DllImport(Lib)] internal static extern void nbl_device_close(IntPtr device);
  [DllImport(Lib)] internal static extern IntPtr nbl_device_name(DeviceHandle device);
  [DllImport(Lib)] internal static extern IntPtr nbl_model_load_file(IntPtr path, out ModelHandle model);
  [DllImport(Lib)]
  internal static extern IntPtr nbl_model_load_memory(byte[] bytes, UIntPtr size, out ModelHandle model);
  [DllImport(Lib)] internal static extern void nbl_model_free(IntPtr model);
  [DllImport(Lib)] internal static extern IntPtr nbl_model_metadata(ModelHandle model, IntPtr key);
  [DllImport(Lib)]
  internal static extern IntPtr nbl_session_create(DeviceHandle device, ModelHandle model, IntPtr options,
                                                   out SessionHandle session);
  [DllImport(Lib)] internal static extern void nbl_session_free(IntPtr session);
  [DllImport(Lib)] internal static extern UIntPtr nbl_session_input_count(SessionHandle session);
  [DllImport(Lib)] internal static extern UIntPtr nbl_session_output_count(SessionHandle session);
  [DllImport(Lib)]
  internal static extern IntPtr nbl_session_input(SessionHandle session, UIntPtr index, ref TensorInfo info);
  [DllImport(Lib)]
  internal static extern IntPtr nbl_session_output(SessionHandle session, UIntPtr index, ref TensorInfo info);
  [DllImport(Lib)]
  internal static extern IntPtr nbl_session_write(SessionHandle session, IntPtr name, int type, IntPtr values,
                                                  UIntPtr count);
  [DllImport(Lib)]
  internal static extern IntPtr nbl_session_read(SessionHandle session, IntPtr name, int type, IntPtr values,
                                                 UIntPtr count);
  [DllImport(Lib)] internal static extern IntPtr nbl_session_run(SessionHandle session);
  [DllImport(Lib)] internal static extern IntPtr nbl_session_submit(SessionHandle session);
  [DllImport(Lib)] internal static extern IntPtr nbl_session_wait(SessionHandle session, ulong timeout_ns, out int done);
}

}  // namespace Nibble
