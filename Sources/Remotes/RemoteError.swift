public import Locations

/// What goes wrong with another host is said in the words of the seam.
public typealias RemoteError = LocationError
