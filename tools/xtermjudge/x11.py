"""Just enough of libX11, which xterm brings along, to give a window the focus."""
import ctypes
import ctypes.util

FOCUS_IN, FOCUS_OUT, FOCUS_MASK = 9, 10, 1 << 21


class FocusEvent(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("send_event", ctypes.c_int),
                ("display", ctypes.c_void_p), ("window", ctypes.c_ulong), ("mode", ctypes.c_int),
                ("detail", ctypes.c_int), ("pad", ctypes.c_long * 24)]


class Display:
    def __init__(self, name):
        self.lib = ctypes.CDLL(ctypes.util.find_library("X11") or "libX11.so.6")
        self.lib.XOpenDisplay.restype = ctypes.c_void_p
        self.lib.XSendEvent.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
        self.lib.XSync.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.lib.XCloseDisplay.argtypes = [ctypes.c_void_p]
        self.display = self.lib.XOpenDisplay(name.encode())
        if not self.display:
            raise OSError(f"cannot open display {name}")

    def focus(self, window):
        """Tells a window that it lost and got the focus."""
        for kind in (FOCUS_OUT, FOCUS_IN):
            event = FocusEvent(type=kind, send_event=1, display=self.display, window=window, detail=3)
            self.lib.XSendEvent(self.display, window, 1, FOCUS_MASK, ctypes.byref(event))
        self.lib.XSync(self.display, 0)

    def close(self):
        self.lib.XCloseDisplay(self.display)
