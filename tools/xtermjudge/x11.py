"""Just enough of libX11, which xterm brings along, to give a window the focus and to click into it."""
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
        self.xtst = None
        self.display = self.lib.XOpenDisplay(name.encode())
        if not self.display:
            raise OSError(f"cannot open display {name}")

    def focus(self, window):
        """Tells a window that it lost and got the focus."""
        for kind in (FOCUS_OUT, FOCUS_IN):
            event = FocusEvent(type=kind, send_event=1, display=self.display, window=window, detail=3)
            self.lib.XSendEvent(self.display, window, 1, FOCUS_MASK, ctypes.byref(event))
        self.lib.XSync(self.display, 0)

    def child(self, window):
        """The innermost window: a program's top one holds the one that takes clicks."""
        while True:
            root, parent, n = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
            kids = ctypes.POINTER(ctypes.c_ulong)()
            self.lib.XQueryTree(ctypes.c_void_p(self.display), ctypes.c_ulong(window), ctypes.byref(root), ctypes.byref(parent),
                                ctypes.byref(kids), ctypes.byref(n))
            if not n.value:
                return window
            window = kids[0]

    def click(self, window, x, y, button=1, times=1, pause=0):
        """Moves the pointer there, waits so many milliseconds, and clicks, as a mouse would: xterm trusts no events
        that are sent."""
        if not self.xtst:
            self.xtst = ctypes.CDLL(ctypes.util.find_library("Xtst") or "libXtst.so.6")
        display, root_x, root_y, below = ctypes.c_void_p(self.display), ctypes.c_int(), ctypes.c_int(), ctypes.c_ulong()
        self.lib.XDefaultRootWindow.restype = ctypes.c_ulong
        root = self.lib.XDefaultRootWindow(display)
        self.lib.XTranslateCoordinates(display, ctypes.c_ulong(self.child(window)), ctypes.c_ulong(root), x, y,
                                       ctypes.byref(root_x), ctypes.byref(root_y), ctypes.byref(below))
        self.xtst.XTestFakeMotionEvent(display, -1, root_x, root_y, ctypes.c_ulong(0))
        for i in range(2 * times):
            self.xtst.XTestFakeButtonEvent(display, button, int(i % 2 == 0), ctypes.c_ulong(0 if i else pause))
        self.lib.XSync(display, 0)

    def close(self):
        self.lib.XCloseDisplay(self.display)
