"""One thread for BLAS where compiled loops use the processors.

The threads of OpenBLAS wait busily for some hundredths of a second after a product, time in which
our own loops would have to share the processors with them.
"""

from threadpoolctl import ThreadpoolController

#: Decorator of functions in which BLAS is to have one thread; the setting is put back afterwards.
one_blas_thread = ThreadpoolController().wrap(limits=1, user_api="blas")
