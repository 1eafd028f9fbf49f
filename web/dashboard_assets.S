# The gzipped files of the built dashboard (cmake/dashboard.cmake), as read-only data.
        .section .rodata
        .macro asset name, file
        .global \name
        .global \name\()_end
\name:  .incbin "\file"
\name\()_end:
        .byte 0
        .endm
        asset asset_index_html, "index.html.gz"
        asset asset_app_js, "app.js.gz"
        asset asset_app_css, "app.css.gz"
        asset asset_theme_js, "theme.js.gz"
        asset asset_favicon_svg, "favicon.svg.gz"
        .section .note.GNU-stack,"",%progbits
