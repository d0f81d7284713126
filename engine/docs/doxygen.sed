# Comments as the sources have them, into the form that Doxygen reads: what stands before a declaration, and behind one.
1s@^// (.*)$@/// \\file\n/// \1@
1s@^/\* (.*)$@/** \\file\n * \1@
s@^( *)//( |$)@\1///\2@
s@([;,{)].*) // @\1 ///< @
s@^( *)/\* ([^-])@\1/** \2@
s@([;,{] *)/\* @\1/**< @
s@^(#.*|\}.*)///<.*$@\1@
