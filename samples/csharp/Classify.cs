// Classifies a picture: the engine from C#.
//
//   mcs -out:Classify.exe Nibble.cs Picture.cs Classify.cs
//   LD_LIBRARY_PATH=/usr/local/lib mono Classify.exe NETWORK.nbl PICTURE.png
//
// The network takes pixels (nibble-convert --input-type uint8), so that nothing has to be computed here. Without a
// picture a network with one float input runs on a ramp of values, like the samples in C and Python.
using System;
using System.IO;

public static class Classify {
  public static int Main(string[] arguments) {
    if (arguments.Length < 1 || arguments.Length > 2) {
      Console.Error.WriteLine("usage: Classify.exe NETWORK.nbl [PICTURE.png]");
      return 2;
    }
    try {
      using (var device = new Nibble.Device())
      using (var model = new Nibble.Model(arguments[0]))
      using (var session = new Nibble.Session(device, model)) {
        Console.WriteLine("nibble {0} on {1}", Nibble.Library.Version, device.Name);
        if (arguments.Length == 2) {
          WritePicture(session, Picture.FromPng(arguments[1]));
        } else {
          WriteRamp(session);
        }
        Run(session);
        PrintBest(session, model.Metadata("classes"));
      }
      return 0;
    } catch (Nibble.NibbleException e) {
      Console.Error.WriteLine("error {0}: {1}", e.Code, e.Message);
    } catch (Exception e) when (e is IOException || e is UnauthorizedAccessException || e is InvalidDataException) {
      Console.Error.WriteLine("error: {0}", e.Message);
    }
    return 1;
  }

  // Does not block while the device works: a game would draw its frame instead of sleeping.
  static void Run(Nibble.Session session) {
    session.Submit();
    while (!session.Done()) System.Threading.Thread.Sleep(1);
  }

  static void WritePicture(Nibble.Session session, Picture picture) {
    Nibble.Tensor input = session.Inputs[0];
    long[] shape = input.Shape;
    if (input.Type != Nibble.ElementType.U8 || shape.Length != 4 || shape[0] != 1 || (shape[1] != 1 && shape[1] != 3)) {
      throw new InvalidDataException("input '" + input.Name + "' takes no pixels: convert with --input-type uint8");
    }
    if (shape[2] != picture.Height || shape[3] != picture.Width) {
      throw new InvalidDataException("the picture is " + picture.Width + " x " + picture.Height + ", the network takes " +
                                     shape[3] + " x " + shape[2]);
    }
    session.Write(input.Name, shape[1] == 1 ? picture.Gray() : picture.Planes());
  }

  static void WriteRamp(Nibble.Session session) {
    Nibble.Tensor input = session.Inputs[0];
    var ramp = new float[input.Elements];
    for (int i = 0; i < ramp.Length; ++i) ramp[i] = (float)i / (float)ramp.Length;
    session.Write(input.Name, ramp);
  }

  static void PrintBest(Nibble.Session session, string classes) {
    Nibble.Tensor output = session.Outputs[0];
    var scores = new float[output.Elements];
    session.Read(output.Name, scores);
    int best = 0;
    for (int i = 1; i < scores.Length; ++i) {
      if (scores[i] > scores[best]) best = i;
    }
    var invariant = System.Globalization.CultureInfo.InvariantCulture;
    Console.WriteLine(string.Format(invariant, "best output {0} of {1}: {2:F6}", best, scores.Length, scores[best]));
    string[] names = classes == null ? new string[0] : classes.Split('\n');
    if (best < names.Length) Console.WriteLine("class: {0}", names[best]);
  }
}
